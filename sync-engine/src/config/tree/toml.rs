//! TOML to [`Node`].

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Bad, Key, MAX_DEPTH, Node, Span, Value};

pub(super) fn parse(text: &str) -> Result<Node, Bad> {
    let table = DeTable::parse(text)
        .map_err(|error| Bad::new(error.span().unwrap_or(0..0), error.message().trim().to_owned()))?;
    let span = table.span();
    Ok(Node { span, value: entries(table.into_inner(), 0)? })
}

fn entries(table: DeTable<'_>, depth: usize) -> Result<Value, Bad> {
    let mut out = table
        .into_iter()
        .map(|(key, value)| {
            let key = Key { span: key.span(), name: key.into_inner().into_owned() };
            Ok((key, node(value, depth + 1)?))
        })
        .collect::<Result<Vec<_>, Bad>>()?;
    // The parser sorts by name; the first mistake in the text is the one to show.
    out.sort_by_key(|(key, _)| key.span.start);
    Ok(Value::Table(out))
}

fn node(value: Spanned<DeValue<'_>>, depth: usize) -> Result<Node, Bad> {
    let span: Span = value.span();
    if depth > MAX_DEPTH {
        return Err(Bad::too_deep(span.start));
    }
    let value = match value.into_inner() {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(number) => match i128::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Integer(number),
            Err(_) => return Err(Bad::new(span, "this number is too large")),
        },
        DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(truth) => Value::Bool(truth),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(items) => {
            let items = items.into_iter().map(|item| node(item, depth + 1)).collect::<Result<_, _>>();
            Value::List(items?)
        }
        DeValue::Table(table) => entries(table, depth)?,
    };
    Ok(Node { span, value })
}
