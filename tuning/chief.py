"""Search on several machines: keras-tuner's gRPC oracle, for the chief and for its workers.

keras-tuner 1.4.8 waits forever for a lost worker (its trial stays RUNNING, and the chief never
exits), a worker waits an hour for a lost chief, and two chiefs silently share a port. Here the
chief releases the trials of silent workers, and a worker repeats its requests for a limited time.
The messages are keras-tuner's own. Only its private module `keras_tuner.src.distribute` has them,
so all code that uses that module is in this file.

The connection has no password and no encryption: anyone who reaches the port can add or end
trials.
"""

from __future__ import annotations

import contextlib
import io
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from keras_tuner.src import protos
from keras_tuner.src.distribute import oracle_chief, oracle_client

from kerascnn.errors import Interrupted, KerasCNNError, UsageError
from kerascnn.fileio.json import read_json
from kerascnn.tuning.oracles import BudgetOracle
from kerascnn.tuning.search_files import STATE

HEARTBEAT = 3.0
"""Seconds between the heartbeats of a worker while it trains."""
SILENCE = 45.0
"""Seconds without a heartbeat after which a worker is lost; a restart takes about ten seconds."""
ANSWER = 5.0
"""Seconds after which a worker repeats a request."""
PATIENCE = 900.0
"""Seconds that a chief waits for any worker, and that a worker waits for its chief."""
VARIABLES = ("KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT", "KERASTUNER_TUNER_ID")


def parse_address(text: str) -> tuple[str, int]:
    """Returns host and port of "HOST:PORT"; an empty host is 127.0.0.1.

    Raises:
        UsageError: the port is missing or out of range.
    """
    host, _, port = text.rpartition(":")
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise UsageError(f"--chief {text}: give HOST:PORT, such as 127.0.0.1:7000")
    return host or "127.0.0.1", int(port)


@contextlib.contextmanager
def search_role(address: str | None, worker: str | None) -> Iterator[str]:
    """Sets the environment variables that tell keras-tuner the role of this process in the search.

    Args:
        address: the chief's address; None to use the variables as they are.
        worker: id of this worker; None for the chief.

    Yields:
        "chief", "worker" or "alone".

    Raises:
        UsageError: the address has no port, or the id contains "chief".
    """
    if address is None:
        yield "alone" if VARIABLES[0] not in os.environ else _role()
        return
    host, port = parse_address(address)
    if worker is not None and "chief" in worker:
        raise UsageError(
            f'--worker {worker}: an id with "chief" in it denotes the chief; give another id'
        )
    name = "chief" if worker is None else f"worker-{worker}"
    old = {variable: os.environ.get(variable) for variable in VARIABLES}
    os.environ.update(zip(VARIABLES, (host, str(port), name), strict=True))
    try:
        yield _role()
    finally:
        for variable, value in old.items():
            if value is None:
                del os.environ[variable]
            else:
                os.environ[variable] = value


def _role() -> str:
    return "chief" if "chief" in os.environ[VARIABLES[2]] else "worker"


class _Server(oracle_chief.OracleServicer):
    """keras-tuner's server, for which a request about a trial counts as a heartbeat."""

    def __init__(self, oracle: BudgetOracle) -> None:
        super().__init__(oracle)
        self.heard = time.monotonic()

    def CreateTrial(self, request: Any, context: Any) -> Any:
        self.heard = time.monotonic()
        with _mute():
            return super().CreateTrial(request, context)

    def GetTrial(self, request: Any, context: Any) -> Any:
        self.heard = time.monotonic()
        self.oracle.record_heartbeat(request.trial_id)
        with _mute():
            return super().GetTrial(request, context)

    def UpdateTrial(self, request: Any, context: Any) -> Any:
        with _mute():
            return super().UpdateTrial(request, context)


@contextlib.contextmanager
def _mute() -> Iterator[None]:
    # keras-tuner prints a line for every condition that it sends.
    """Suppresses the lines that keras-tuner prints."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


def serve(
    oracle: BudgetOracle,
    *,
    say: Callable[[str], None],
    stopping: Callable[[], bool],
    silence: float = SILENCE,
    patience: float = PATIENCE,
) -> bool:
    """Hands out trials until all of them have ended and the workers have left.

    Args:
        oracle: proposes the trials.
        say: prints a line.
        stopping: returns whether to stop; called twice a second.
        silence: seconds after which a worker is lost; another worker repeats its trial.
        patience: seconds to wait while no worker asks for a trial.

    Returns:
        True if the search is complete, False if it was stopped.

    Raises:
        UsageError: the port cannot be opened.
        KerasCNNError: no worker came, or all of them are lost.
    """
    address = ":".join(os.environ[variable] for variable in VARIABLES[:2])
    # Without the option two chiefs would share a port, and each would get some of the workers.
    server = grpc.server(futures.ThreadPoolExecutor(4), options=(("grpc.so_reuseport", 0),))
    servicer = _Server(oracle)
    protos.get_service_grpc().add_OracleServicer_to_server(servicer, server)
    try:
        if not server.add_insecure_port(address):
            raise RuntimeError("taken")
    except RuntimeError as error:
        raise UsageError(
            f"--chief {address}: the port cannot be opened; is another chief running?"
        ) from error
    server.start()
    try:
        while True:
            time.sleep(0.5)
            if stopping():
                return False
            for lost in oracle.release(silence):
                say(f"{lost} did not answer for {silence:.0f} s; another worker repeats its trial")
            quiet = time.monotonic() - servicer.heard
            over = oracle.all_ended() and bool(oracle.trials)
            if over and servicer.stop_triggered and (not oracle.tuner_ids or quiet > silence):
                return True
            if over and quiet > silence and _exhausted(oracle):
                return True
            if quiet > patience:
                raise KerasCNNError(
                    f"no worker asked for a trial for {quiet:.0f} s; start workers and the chief "
                    "again: finished trials are kept"
                )
    finally:
        server.stop(1.0).wait()


def _exhausted(oracle: BudgetOracle) -> bool:
    return oracle.max_trials is not None and len(oracle.trials) >= oracle.max_trials


class WorkerOracle(oracle_client.OracleClient):
    """A worker's client of the chief's oracle, which waits while the chief is restarted.

    Args:
        oracle: an oracle made like the chief's.
        directory: the search's directory; its state tells whether the search is finished.
        stopping: returns whether to stop; called every few seconds while the chief is silent.
        patience: seconds to wait for a chief that does not answer.
    """

    def __init__(
        self,
        oracle: BudgetOracle,
        directory: Path,
        stopping: Callable[[], bool] = lambda: False,
        patience: float = PATIENCE,
    ) -> None:
        super().__init__(oracle)
        oracle_client.TIMEOUT = ANSWER
        self.directory, self.stopping, self.patience = directory, stopping, patience
        self.address = ":".join(os.environ[variable] for variable in VARIABLES[:2])

    def _ask(self, question: Callable[[], Any]) -> Any:
        """Returns the answer of the chief, or None if the search is finished."""
        started = time.monotonic()
        while True:
            try:
                with _mute():
                    return question()
            except grpc.RpcError as error:
                gone = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
                if error.code() not in gone:
                    raise KerasCNNError(
                        f"the chief at {self.address} could not answer: {error.details()}"
                    ) from error
                if (read_json(self.directory / STATE) or {}).get("state") == "finished":
                    return None
                if self.stopping():
                    raise Interrupted("a signal") from None
                if time.monotonic() - started > self.patience:
                    raise KerasCNNError(
                        f"the chief at {self.address} did not answer for {self.patience:.0f} s; "
                        "start it again with its directory: finished trials are kept"
                    ) from error

    def create_trial(self, tuner_id: str) -> Any:
        trial = self._ask(lambda: super(WorkerOracle, self).create_trial(tuner_id))
        if trial is None:  # the search ended while the chief did not answer
            return _Stopped()
        return trial

    def update_trial(self, trial_id: str, metrics: dict[str, float], step: int = 0) -> Any:
        call = super().update_trial
        return self._ask(lambda: call(trial_id, metrics, step))

    def end_trial(self, trial: Any) -> None:
        call = super().end_trial
        self._ask(lambda: call(trial))

    @contextlib.contextmanager
    def heartbeats(self, trial_id: str) -> Iterator[None]:
        """Sends heartbeats for a trial within the block."""
        done = threading.Event()
        request = protos.get_service().GetTrialRequest(trial_id=trial_id)

        def beat() -> None:
            while not done.wait(HEARTBEAT):
                with contextlib.suppress(grpc.RpcError):
                    self.stub.GetTrial(request, timeout=HEARTBEAT)

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


class _Stopped:
    """The answer that no trial is left."""

    status = "STOPPED"
