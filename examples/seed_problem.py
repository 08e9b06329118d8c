"""Chain two models that do not fit: a square picture into a model that takes 1024x576.

SDXL makes a list of 1024x1024 PNG files. Stable Video Diffusion was trained on 1024x576 and takes one picture. On their own, the
second call is accepted, paid for, and gives a distorted clip; or it is refused after the first was paid for. Here the plan finds
out before anything is sent:

    python examples/seed_problem.py

It needs no key: the calls go to the provider simulator.
"""

from __future__ import annotations

import os

from prefect import flow

from prefect_media import Video, generate_image, generate_video, plan
from prefect_media.testing import Simulator

SDXL = "replicate:stability-ai/sdxl"
SVD = "replicate:stability-ai/stable-video-diffusion"


@flow
def naive(prompt: str) -> Video:
    """Hand the picture on as it is: `fit="refuse"` allows no conversion."""
    image = generate_image.submit(prompt, model=SDXL)
    return generate_video.submit(prompt, image=image, model=SVD, fit="refuse").result()


@flow
def planned(prompt: str) -> Video:
    """Let the picture be made to fit: the plan shows the crop, and the run does it as a task run that one sees.

    `motion_bucket_id` has no neutral value: the card sends its default of 127 explicitly, so that the same request stays the
    same request when the provider changes its mind. Say another number to move more or less.
    """
    image = generate_image.submit(prompt, model=SDXL)
    video = generate_video.submit(prompt, image=image, model=SVD, fit="cover", options={"motion_bucket_id": 127})
    return video.result()


def main() -> None:
    """Plan both, and run the one that can run."""
    with Simulator() as simulator:
        os.environ.update(simulator.env)
        print(plan(naive, prompt="a lighthouse at dawn"))
        print(plan(planned, prompt="a lighthouse at dawn"))
        video = planned("a lighthouse at dawn")
        print(f"Made {video.width_px}x{video.height_px}, {video.duration_s:.2f} s: {video.path()}")
        print(f"Paid to the simulator: {simulator.bill.usd} USD for {simulator.bill.calls} calls.")


if __name__ == "__main__":
    main()
