"""A sandbox for processes that nobody trusts, and a warm zygote from which they are forked.

``limits``
    What a submission may use.
``bubblewrap``
    The sandbox's walls: what of the machine is seen inside.
``zygote``
    The owner's side: start it, fork a submission, wait for its report.
``inside``, ``keeper``, ``watch``
    What runs inside: the zygote; the keeper of each submission, which starts the student's process and ends it;
    what that one's processes use.
``wire``, ``system``
    What owner and keeper say to each other; calls to the kernel.
``doctor``
    What this machine can do.

Only the owner's side is trusted. A report says how a process ended, which the student's process cannot forge; what
comes over the channel it can choose as it likes.
"""

from dlkit.grading.sandbox.bubblewrap import SandboxMissing, UnsafeSandboxWarning
from dlkit.grading.sandbox.limits import Limits
from dlkit.grading.sandbox.zygote import PRELOAD, RUN_SOURCE, Child, Report, SandboxLost, Zygote

__all__ = [
    "PRELOAD",
    "RUN_SOURCE",
    "Child",
    "Limits",
    "Report",
    "SandboxLost",
    "SandboxMissing",
    "UnsafeSandboxWarning",
    "Zygote",
]
