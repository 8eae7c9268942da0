"""What can go wrong, as one tree; every error carries the remedy that a person can act on.

    TabbyError
    ├── ConfigError            a setting that cannot be used
    ├── ModelError
    │   ├── ModelMissing       no model file where one is expected
    │   ├── ModelCorrupt       the bytes are not the ones that were promised (hash, truncation)
    │   └── ModelUnusable      llama.cpp cannot serve it here (architecture, crash, memory)
    ├── DownloadError
    │   ├── Offline            the network was asked for while `offline = true`
    │   ├── NoSpace            the disk cannot hold the file
    │   ├── NotWritable        the models folder cannot be written
    │   └── SourceFailed       one place to get the bytes from did not work
    ├── EngineError
    │   ├── PromptTooLong      more tokens than the context holds
    │   └── EngineFault        llama.cpp reported a failure while it was evaluating
    ├── ProviderError
    │   ├── ProviderRefused    the server wants another key, or does not know the model
    │   ├── ProviderBusy       it asks for patience, or our own limit does
    │   ├── ProviderDown       nobody answers, or not in time
    │   └── ProviderBroken     it fails, or answers with what is no answer
    ├── ActionError            a code action or a question cannot be begun
    ├── RepositoryIndexError
    │   └── IndexUnavailable   it is starting, its process has died, or it is switched off
    └── UnknownDocument        a change for a document that is not open

Nothing here imports anything: every room may raise these.
"""

from __future__ import annotations


class TabbyError(Exception):
    """An error for a person to read.

    Args:
        message: what happened, in one sentence.
        remedy: what to do about it, in one sentence; empty where nothing can be done.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class ConfigError(TabbyError):
    """A setting that cannot be used."""


class ModelError(TabbyError):
    """A model file is not there, not whole, or not usable."""


class ModelMissing(ModelError):
    """No model file where one is expected."""


class ModelCorrupt(ModelError):
    """The bytes are not the ones that were promised."""


class ModelUnusable(ModelError):
    """llama.cpp cannot serve this file on this machine."""


class DownloadError(TabbyError):
    """A model could not be fetched."""


class Offline(DownloadError):
    """Something asked for the network while `offline = true`."""


class NoSpace(DownloadError):
    """The disk cannot hold the file."""


class NotWritable(DownloadError):
    """The folder for models cannot be written."""


class SourceFailed(DownloadError):
    """One source of a model did not deliver it."""


class EngineError(TabbyError):
    """The engine could not serve a request."""


class PromptTooLong(EngineError):
    """A prompt has more tokens than the context holds."""


class EngineFault(EngineError):
    """llama.cpp reported a failure while it was evaluating."""


class ProviderError(TabbyError):
    """A server that was configured for a role did not serve."""


class ProviderRefused(ProviderError):
    """The server wants another key, or does not know the model."""


class ProviderBusy(ProviderError):
    """The server asks for patience, or the configured limit does.

    Args:
        message: see `TabbyError`.
        remedy: see `TabbyError`.
        retry_after_s: seconds after which it may be asked again; None: nobody has said.
    """

    def __init__(self, message: str, remedy: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, remedy)
        self.retry_after_s = retry_after_s


class ProviderDown(ProviderError):
    """Nobody answers, or not in time."""


class ProviderBroken(ProviderError):
    """The server fails, or answers with what is no answer."""


class ActionError(TabbyError):
    """A code action or a question cannot be begun."""


class RepositoryIndexError(TabbyError):
    """The index of the repository cannot be made or read."""


class IndexUnavailable(RepositoryIndexError):
    """The index cannot answer now; what is asked of it is done without."""


class UnknownDocument(TabbyError):
    """A change arrived for a document that is not open."""
