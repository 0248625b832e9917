"""How much is too much: token buckets over a clock that is handed in.
Rule: a limit refuses and forgets; it never queues and never blocks loopback (PROTOCOL §3.5)."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import islice
from typing import Any, Final

#: How long an address that guessed keys or ids is refused.
BAN_SECONDS: Final = 600.0
#: Wrong keys or ids an address may send at once, and how fast it earns further ones.
GUESSES: Final = 60
GUESSES_PER_SECOND: Final = 1.0
#: Which share of a full memory is forgotten at once: a dict finds its first name only past all that went before it.
_SHARE: Final = 256


@dataclass(slots=True)
class Bucket:
    """A token bucket: `size` at once, `rate` a second after that."""

    size: float
    rate: float
    tokens: float
    at: float

    @classmethod
    def full(cls, size: float, rate: float, now: float) -> Bucket:
        """Make a bucket that has all its tokens."""
        return cls(size, rate, size, now)

    def take(self, now: float) -> bool:
        """Take one token; False when there is none."""
        tokens = self.tokens
        if now > self.at:
            tokens = min(self.size, tokens + (now - self.at) * self.rate)
        self.at = now
        taken = tokens >= 1
        self.tokens = tokens - 1 if taken else tokens
        return taken


def forget_oldest(remembered: dict[Any, Any], most: int) -> None:
    """Keep a memory within its bound: once it is over, the oldest of it go, many at once."""
    if len(remembered) > most:
        for name in list(islice(remembered, len(remembered) - most + most // _SHARE)):
            del remembered[name]


def is_loopback(ip: str) -> bool:
    """Tell whether an address is this machine's own; anything that is not an address is not."""
    return any(address.is_loopback for address in _forms(ip))


def is_allowed(ip: str, allowed: tuple[str, ...]) -> bool:
    """Tell whether an address lies in one of the allowed addresses or networks; no list allows all."""
    if not allowed:
        return True
    networks = [network for network in map(network_of, allowed) if network is not None]
    return any(address in network for address in _forms(ip) for network in networks)


def network_of(text: str) -> IPv4Network | IPv6Network | None:
    """Read an address or a network; None for what is neither, which nobody lies in."""
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError:
        return None


def _forms(ip: str) -> list[IPv4Address | IPv6Address]:
    """Give an address as written and, if it carries an IPv4 address, that one; nothing for what is no address."""
    try:
        address = ip_address(ip)
    except ValueError:
        return []
    carried = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return [address] if carried is None else [address, carried]
