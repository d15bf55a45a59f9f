"""The two ends of a search on several machines: keras-tuner's gRPC oracle, made to end.

keras-tuner 1.4.8 waits for ever for a worker that was lost (its trial stays RUNNING, and the chief
never exits), a worker waits an hour for a chief that was lost, and a port that is taken is shared
in silence. So the chief here frees what silent workers hold, and a worker asks again until its
patience ends. The messages are keras-tuner's own; nothing but its private server class offers them
(`keras_tuner.src.distribute`), which is why all of that is in this file.

The connection has neither password nor encryption: whoever reaches the port can add or end trials.
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
"""Seconds between a worker's signs of life while it trains."""
SILENCE = 45.0
"""Seconds without one after which a worker is taken for lost; starting again takes about ten."""
ANSWER = 5.0
"""Seconds after which a worker asks again."""
PATIENCE = 900.0
"""Seconds that a chief waits for any worker, and a worker for its chief."""
VARIABLES = ("KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT", "KERASTUNER_TUNER_ID")


def parse_address(text: str) -> tuple[str, int]:
    """Returns host and port of "HOST:PORT"; without a host it is this machine's own, 127.0.0.1.

    Raises:
        UsageError: there is no port.
    """
    host, _, port = text.rpartition(":")
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise UsageError(f"--chief {text}: give HOST:PORT, such as 127.0.0.1:7000")
    return host or "127.0.0.1", int(port)


@contextlib.contextmanager
def search_role(address: str | None, worker: str | None) -> Iterator[str]:
    """Tells keras-tuner, by its environment variables, which part this process has.

    Args:
        address: the chief's; None for the part that the variables give already.
        worker: this worker's id; None for the chief.

    Yields:
        "chief", "worker" or "alone".

    Raises:
        UsageError: the address has no port, or the id cannot be told from the chief's.
    """
    if address is None:
        yield "alone" if VARIABLES[0] not in os.environ else _role()
        return
    host, port = parse_address(address)
    if worker is not None and "chief" in worker:
        raise UsageError(f'--worker {worker}: keras-tuner takes an id with "chief" for the chief')
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
    """keras-tuner's, which takes a question about a trial for a sign of life."""

    def __init__(self, oracle: BudgetOracle) -> None:
        super().__init__(oracle)
        self.heard = time.monotonic()

    def CreateTrial(self, request: Any, context: Any) -> Any:
        self.heard = time.monotonic()
        with _mute():
            return super().CreateTrial(request, context)

    def GetTrial(self, request: Any, context: Any) -> Any:
        self.heard = time.monotonic()
        self.oracle.heard_of(request.trial_id)
        with _mute():
            return super().GetTrial(request, context)

    def UpdateTrial(self, request: Any, context: Any) -> Any:
        with _mute():
            return super().UpdateTrial(request, context)


@contextlib.contextmanager
def _mute() -> Iterator[None]:
    # keras-tuner prints a line for every condition that it sends.
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
    """Hands out trials until every one has ended and the workers have left.

    Args:
        oracle: whose trials.
        say: shows a line.
        stopping: asked twice a second whether to end.
        silence: seconds after which a worker is lost; its trial goes to another.
        patience: seconds without any worker.

    Returns:
        Whether the search is over; not where it was stopped.

    Raises:
        UsageError: the port cannot be had.
        KerasCNNError: no worker came, or all of them are lost.
    """
    address = ":".join(os.environ[variable] for variable in VARIABLES[:2])
    # Without the option two chiefs would share a port, and each get some of the workers.
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
                say(f"{lost} was not heard of for {silence:.0f} s; its trial goes to another")
            quiet = time.monotonic() - servicer.heard
            over = oracle.settled() and bool(oracle.trials)
            if over and servicer.stop_triggered and (not oracle.tuner_ids or quiet > silence):
                return True
            if over and quiet > silence and _exhausted(oracle):
                return True
            if quiet > patience:
                raise KerasCNNError(
                    f"no worker asked for work for {quiet:.0f} s; start some, and the chief again: "
                    "what is finished is kept"
                )
    finally:
        server.stop(1.0).wait()


def _exhausted(oracle: BudgetOracle) -> bool:
    return oracle.max_trials is not None and len(oracle.trials) >= oracle.max_trials


class WorkerOracle(oracle_client.OracleClient):
    """A worker's view of the chief's oracle, patient while the chief is started again.

    Args:
        oracle: made like the chief's.
        directory: the search's, whose state tells when the search is over.
        stopping: asked every few seconds, while the chief is silent, whether to end.
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
                        "start it again with its directory: what is finished is kept"
                    ) from error

    def create_trial(self, tuner_id: str) -> Any:
        trial = self._ask(lambda: super(WorkerOracle, self).create_trial(tuner_id))
        if trial is None:  # the search ended while this worker was away
            return _Stopped()
        return trial

    def update_trial(self, trial_id: str, metrics: dict[str, float], step: int = 0) -> Any:
        call = super().update_trial
        return self._ask(lambda: call(trial_id, metrics, step))

    def end_trial(self, trial: Any) -> None:
        call = super().end_trial
        self._ask(lambda: call(trial))

    @contextlib.contextmanager
    def alive(self, trial_id: str) -> Iterator[None]:
        """Tells the chief every few seconds that the trial is in work."""
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
    status = "STOPPED"
