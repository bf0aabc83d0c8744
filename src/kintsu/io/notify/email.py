"""Notices by email."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any, ClassVar, Final

from kintsu.core.errors import NotifyError
from kintsu.core.notice import Notice
from kintsu.core.settings import Setting

__all__ = ["EmailNotifier"]

PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}
KEYS: Final = ("server", "port", "tls", "user", "password", "from", "to", "timeout", "ca_file")


@dataclass(frozen=True)
class EmailNotifier:
    """Sends an email over SMTP, encrypted unless `tls: none` is said."""

    name: ClassVar[str] = "email"

    server: str
    sender: str
    to: tuple[str, ...]
    port: int = 587
    tls: str = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    timeout_s: float = 10.0
    ca_file: str | None = None

    @classmethod
    def from_settings(cls, setting: Setting, environment: Mapping[str, str]) -> EmailNotifier:
        """Keys: server, from, to (a list), port, tls (starttls, tls or none), user, password (as ${NAME}), timeout,
        ca_file."""
        told = setting.mapping(KEYS, needed=("server", "from", "to"))
        tls = told["tls"].choice(tuple(PORTS)) if "tls" in told else "starttls"
        if ("user" in told) != ("password" in told):
            raise setting.wrong("`user` and `password` belong together")
        if "password" in told and tls == "none":
            raise told["password"].wrong("a password is not sent in clear: say `tls: starttls` or `tls: tls`")
        receivers = told["to"].items() if isinstance(told["to"].value, list) else [told["to"]]
        if not receivers:
            raise told["to"].wrong("expected at least one address")
        return cls(
            server=told["server"].text(),
            sender=_address(told["from"]),
            to=tuple(_address(each) for each in receivers),
            port=told["port"].count(least=1) if "port" in told else PORTS[tls],
            tls=tls,
            user=told["user"].secret(environment, is_required=False) if "user" in told else "",
            password=told["password"].secret(environment) if "password" in told else "",
            timeout_s=told["timeout"].duration().total_seconds() if "timeout" in told else 10.0,
            ca_file=told["ca_file"].text() if "ca_file" in told else None,
        )

    def send(self, notice: Notice) -> None:
        """Send it; a failure in passing is tried twice more."""
        from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

        tries = Retrying(
            stop=stop_after_attempt(3),
            wait=wait_random_exponential(multiplier=0.5, max=10),
            retry=retry_if_exception(_may_pass),
            reraise=True,
        )
        try:
            tries(self._send, _written(notice, self.sender, self.to))
        except ssl.SSLCertVerificationError as error:
            raise self._failed(f"its certificate is not trusted ({error.verify_message})") from None
        except smtplib.SMTPAuthenticationError as error:
            raise self._failed(f"it refused user and password ({error.smtp_code}): check them") from None
        except smtplib.SMTPRecipientsRefused as error:
            raise self._failed(f"it refused {', '.join(error.recipients)}: check the addresses") from None
        except smtplib.SMTPResponseException as error:
            raise self._failed(f"it refused the message ({error.smtp_code})") from None
        except smtplib.SMTPNotSupportedError:
            raise self._failed("it does not offer STARTTLS or passwords: check `port` and `tls`") from None
        except (smtplib.SMTPException, OSError) as error:
            raise self._failed(f"{type(error).__name__}: check `server`, `port` and `tls`") from None

    def _send(self, message: EmailMessage) -> None:
        context = ssl.create_default_context(cafile=self.ca_file) if self.tls != "none" else None
        if self.tls == "tls":
            client: Any = smtplib.SMTP_SSL(self.server, self.port, timeout=self.timeout_s, context=context)
        else:
            client = smtplib.SMTP(self.server, self.port, timeout=self.timeout_s)
        with client:
            if self.tls == "starttls":
                client.starttls(context=context)
            if self.user:
                client.login(self.user, self.password)
            client.send_message(message)

    def _failed(self, why: str) -> NotifyError:
        return NotifyError(self.name, f"{self.server}:{self.port}: {why}")


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, smtplib.SMTPResponseException):
        return 400 <= error.smtp_code < 500
    return isinstance(error, smtplib.SMTPServerDisconnected | ConnectionError | TimeoutError)


def _written(notice: Notice, sender: str, to: tuple[str, ...]) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = sender, ", ".join(to)
    message["Subject"] = _plain(f"[{notice.level}] {notice.title}", " ")[:200]
    message["Message-ID"] = f"<{notice.id}@kintsu>"
    message["Date"] = notice.at
    facts = [
        f"{word}: {', '.join(names)}" for word, names in (("incident", notice.incidents), ("batch", notice.batches))
    ]
    message.set_content(_plain("\n".join([notice.text, "", *facts]), "\n") + "\n")
    return message


def _plain(text: str, line: str) -> str:
    """Text of whole characters and known line ends: names come from the data, and must not add a header."""
    return line.join(" ".join(part.split()) for part in text.splitlines()).encode("utf-8", "replace").decode()


def _address(setting: Setting) -> str:
    try:
        return Address(addr_spec=setting.text()).addr_spec
    except (ValueError, IndexError) as error:
        raise setting.wrong("expected an address such as team@example.org") from error
