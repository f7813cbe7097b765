"""A mail server on loopback that does as it is told, and keeps what it accepts.

One argument: JSON. Prints the port it listens on.
"""

import asyncio
import json
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

told = json.loads(sys.argv[1])
kept = pathlib.Path(told["dir"])
behave = told.get("behave", "accept")


class Handler:
    def __init__(self):
        self.tries = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if behave == "refuse-all" or (behave == "refuse-one" and address.startswith("gone@")):
            return "550 5.1.1 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_MAIL(self, server, session, envelope, address, options):
        if behave == "refuse-sender":
            return "553 5.7.1 you may not send as this"
        envelope.mail_from = address
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.tries += 1
        if behave == "later-once" and self.tries == 1:
            return "451 4.3.2 come back later"
        if behave == "drop-after-data" and self.tries == 1:
            server.transport.abort()
            return "250 OK"
        if behave == "reject":
            return "554 5.6.0 this message is not wanted"
        number = len(list(kept.glob("*.eml")))
        (kept / f"{number:03}.json").write_text(
            json.dumps(
                {
                    "from": envelope.mail_from,
                    "to": envelope.rcpt_tos,
                    "tls": session.ssl is not None or told["security"] == "tls",
                    "login": session.auth_data,
                }
            )
        )
        part = kept / f"{number:03}.part"
        part.write_bytes(envelope.original_content)
        part.rename(kept / f"{number:03}.eml")
        return "250 2.0.0 kept as %03d" % number

    async def auth_XOAUTH2(self, server, args):
        import base64

        said = base64.b64decode(args[1]) if len(args) > 1 else (await server.challenge_auth(""))
        want = f"user={told['user']}\x01auth=Bearer {told['token']}\x01\x01".encode()
        if said == want:
            return AuthResult(success=True, handled=False, auth_data="xoauth2")
        return AuthResult(success=False, handled=False)


def authenticate(server, session, envelope, mechanism, data):
    if mechanism not in told.get("mechanisms", ["PLAIN", "LOGIN"]):
        return AuthResult(success=False, handled=False)
    ok = isinstance(data, LoginPassword) and data.login.decode() == told["user"] and data.password.decode() == told["password"]
    if not ok and behave == "echo":
        # A server that repeats what it was sent must not put it into our logs.
        return AuthResult(success=False, handled=False, message=f"535 not {data.password.decode()}")
    return AuthResult(success=ok, handled=False, auth_data=mechanism.lower())


async def main():
    context = None
    if told["security"] != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(told["cert"], told["key"])
    handler = Handler()
    login = "user" in told

    def factory():
        excluded = [m for m in ["PLAIN", "LOGIN", "XOAUTH2"] if login and m not in told.get("mechanisms", ["PLAIN", "LOGIN"])]
        return SMTP(
            handler,
            hostname="mail.test",
            tls_context=context if told["security"] == "starttls" else None,
            require_starttls=told["security"] == "starttls",
            auth_required=login,
            auth_require_tls=told["security"] == "starttls",
            authenticator=authenticate if login else None,
            auth_exclude_mechanism=excluded,
            timeout=30,
        )

    loop = asyncio.get_running_loop()
    wrapped = context if told["security"] == "tls" else None
    server = await loop.create_server(factory, "127.0.0.1", 0, ssl=wrapped)
    print(server.sockets[0].getsockname()[1], flush=True)
    # Ends with whoever started it.
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
