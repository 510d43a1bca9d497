"""The one kind of error that the command line reports without a traceback."""


class CourseError(Exception):
    """Trouble that can be foreseen: the message says what happened and what to do.

    ``dlkit``'s command line prints the message as ``error: …`` and ends with code 2.
    """
