"""The one thing setup.cfg cannot say: the extension in C that the default encoder runs on where it can be built."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "m4corpus.embed.carried.use_kernel",
            ["m4corpus/embed/carried/use_kernel.c"],
            # Torch rounds between multiplication and addition, and the kernel gives torch's bytes.
            extra_compile_args=["-O3", "-ffp-contract=off"],
            py_limited_api=True,
            # Without a compiler, or on another processor, torch computes the same, two to three times as slowly.
            optional=True,
        )
    ]
)
