"""Jobs to an executor and results into their folder; what the machinery spoils is tried again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future

from dlkit.errors import CourseError
from dlkit.grading.jobs import Job, Result
from dlkit.grading.recall import TRIES, failed, given_up, note
from dlkit.grading.results import Results


class Dispatch:
    """Have jobs run and their results kept, each only once.

    Parameters
    ----------
    executor
        Where they run; anything in the shape of ``concurrent.futures.Executor``.
    results
        Where the results are kept.
    run
        How a job is run: a function that pickles, such as `dlkit.grading.execute.execute`.

    Attributes
    ----------
    executed, known : int
        How many jobs were run, and how many had a result already.
    """

    def __init__(self, executor: Executor, results: Results, run: Callable[[Job], Result]) -> None:
        self.executor, self.results, self.run = executor, results, run
        self.executed = self.known = 0
        self._lock = threading.Lock()
        self._flying: dict[str, Future[None]] = {}

    def __call__(self, job: Job) -> Future[None]:
        """Return a future that is done as soon as the result of the job is in its folder.

        It raises `dlkit.grading.jobs.InfrastructureError` if the machinery failed three times, and at once a
        `dlkit.errors.CourseError` that a run raised, if this machine cannot make the sandbox for example.
        """
        with self._lock:
            if job.key in self._flying:
                return self._flying[job.key]
        done: Future[None] = Future()
        if self.results.get(job.key) is not None:
            self.known += 1
            done.set_result(None)
            return done
        self.executed += 1
        with self._lock:
            self._flying[job.key] = done
        earlier = self.results.latest(job.base)
        self._try(job if earlier is None else job.beside(earlier), done, [])
        return done

    def _try(self, job: Job, done: Future[None], events: list[str]) -> None:
        try:
            attempt = self.executor.submit(self.run, job)
        except Exception as error:  # it has been shut down
            self._land(job, done, error)
        else:
            attempt.add_done_callback(lambda future: self._finish(job, done, events, future))

    def _finish(self, job: Job, done: Future[None], events: list[str], attempt: Future[Result]) -> None:
        if attempt.cancelled():
            done.cancel()
            return
        error = attempt.exception()
        if error is None:
            try:
                self.results.put(note(attempt.result(), events))
            except Exception as problem:  # a full disk, say
                self._land(job, done, problem)
            else:
                self._land(job, done)
            return
        if isinstance(error, CourseError):  # this machine, or the course, is not as it must be: again is no use
            self._land(job, done, error)
            return
        events = [*events, failed(error, len(events) + 1)]
        if len(events) < TRIES:
            self._try(job, done, events)
        else:
            self._land(job, done, given_up(events))

    def _land(self, job: Job, done: Future[None], error: BaseException | None = None) -> None:
        with self._lock:
            self._flying.pop(job.key, None)
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
