"""What a command says when it cannot do its work: one sentence for a person, and an exit code."""

import errno


class CommandError(Exception):
    """The command cannot go on. The message is a sentence that tells the next step."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        self.message = message
        self.exit_code = exit_code
        super().__init__(message)


def explain_os_error(error: OSError, where: object) -> str:
    """A refusal of the operating system as a sentence with the next step."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(where)
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{where} cannot be read and written by this user: change its owner, or give --data-dir another directory."
    if error.errno == errno.EROFS:
        return f"{where} is on a read-only file system: give --data-dir a directory that can be written."
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return f"{where} is not a directory: give --data-dir another one."
    return f"{where} cannot be used ({error.strerror or error}): mend it, or give --data-dir another directory."


def disk_full(where: object) -> str:
    return f"The disk that holds {where} is full: free some space, or give --data-dir a directory on another disk."


def with_reason(failure: str, last_words: str) -> str:
    """A program's failure with the last lines it wrote."""
    if "No space left on device" in last_words or "Disk quota exceeded" in last_words:
        return disk_full("the data directory")
    return f"{failure}: {last_words or 'it gave no reason'}"
