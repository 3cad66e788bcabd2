"""Python's garbage collector, set for processes that handle batches."""

import gc


def calm_collector() -> None:
    """Makes the collector look less often; to be called once all is imported.

    A batch makes tens of thousands of objects that live until it is handled and hold no cycles. With the usual thresholds the
    collector walks them over and over, which took a quarter of the drain's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
