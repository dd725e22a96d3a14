"""The second fit of a process: what the first one left ready for it."""

from jitscope import adapters, problems

from .common import TimedFits, prepared


class SecondFit(TimedFits):
    """The call after the first one, with the same data or with other data of that length."""

    params = (("gaussian_1000",), ("same", "new"))
    param_names = ("problem", "data")

    def setup(self, problem: str, data: str) -> None:
        # A second fit exists once a process; asv calls `setup` again before each sample.
        self.adapter: adapters.Adapter = prepared(problem, once=True)
        if data == "new":
            self.adapter.prepare(problems.vary(problems.get(problem), "data"))

    def time_second_fit(self, problem: str, data: str) -> None:
        self.adapter.run()
