"""Runs a program under the rules of a unit that a process can lay on itself: `confined.py SYSCALLS FAMILIES -- ARGV`.
Rule: what is not allowed fails with EPERM, as SystemCallErrorNumber says; memory is never both written and run."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import sys

PR_SET_NO_NEW_PRIVS = 38
PR_SET_MDWE = 65
ALLOW = 0x7FFF0000
REFUSE = 0x00050000 | errno.EPERM
EQUAL = 4


class Compared(ctypes.Structure):
    """libseccomp's comparison of one argument."""

    _fields_ = (
        ("number", ctypes.c_uint),
        ("how", ctypes.c_int),
        ("value", ctypes.c_uint64),
        ("other", ctypes.c_uint64),
    )


def set_flag(libc: ctypes.CDLL, option: int, name: str) -> None:
    if libc.prctl(option, 1, 0, 0, 0):
        sys.exit(f"{name} is refused: {os.strerror(ctypes.get_errno())}")


def lay_filter(calls: list[str], families: list[str]) -> None:
    """Allow these system calls, and sockets of these families only."""
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(REFUSE)))
    add = seccomp.seccomp_rule_add_array
    for call in calls:
        number = seccomp.seccomp_syscall_resolve_name(call.encode())
        # Some names are of other machines.
        if number >= 0 and call != "socket":
            assert add(rules, ctypes.c_uint32(ALLOW), number, 0, None) == 0, call
    number = seccomp.seccomp_syscall_resolve_name(b"socket")
    for family in families:
        wanted = Compared(0, EQUAL, int(getattr(socket, family)), 0)
        assert add(rules, ctypes.c_uint32(ALLOW), number, 1, ctypes.byref(wanted)) == 0, family
    assert seccomp.seccomp_load(rules) == 0


if __name__ == "__main__":
    allowed, sockets = (sys.argv[n].split(",") for n in (1, 2))
    loaded = ctypes.CDLL(None, use_errno=True)
    set_flag(loaded, PR_SET_NO_NEW_PRIVS, "no new privileges")
    set_flag(loaded, PR_SET_MDWE, "memory deny write execute")
    lay_filter(allowed, sockets)
    os.execv(sys.argv[4], sys.argv[4:])
