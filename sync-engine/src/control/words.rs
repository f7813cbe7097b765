//! How the few types of the core that travel are spelled in a request.

/// A side that may be meant.
pub(crate) mod some_side {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};
    use sync_core::side::Side;

    #[allow(clippy::ref_option, reason = "serde asks for a reference")]
    pub(crate) fn serialize<S: Serializer>(side: &Option<Side>, to: S) -> Result<S::Ok, S::Error> {
        side.map(Side::name).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Side>, D::Error> {
        let Some(word) = Option::<String>::deserialize(from)? else { return Ok(None) };
        let side = Side::BOTH.into_iter().find(|side| side.name() == word);
        side.map(Some).ok_or_else(|| serde::de::Error::custom(format!("`{word}` is no side")))
    }
}

/// Which version stays.
pub(crate) mod keep {
    use serde::{Deserialize as _, Deserializer, Serializer};
    use sync_core::guidance::Keep;
    use sync_core::side::Side;

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    pub(crate) fn serialize<S: Serializer>(keep: &Keep, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(keep.name())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Keep, D::Error> {
        let word = String::deserialize(from)?;
        let all = [Keep::Side(Side::Left), Keep::Side(Side::Right), Keep::Newer, Keep::Both];
        let keep = all.into_iter().find(|keep| keep.name() == word);
        keep.ok_or_else(|| serde::de::Error::custom(format!("`{word}` is no version to keep")))
    }
}

/// One text per side.
pub(crate) mod sides {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};
    use sync_core::side::Sides;

    pub(crate) fn serialize<S: Serializer>(sides: &Sides<String>, to: S) -> Result<S::Ok, S::Error> {
        (&sides.left, &sides.right).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Sides<String>, D::Error> {
        let (left, right) = <(String, String)>::deserialize(from)?;
        Ok(Sides { left, right })
    }
}
