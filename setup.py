"""The one thing setup.cfg cannot say: the extension in C that the default encoder runs on where it can be built."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "m4corpus.embed.carried.use_kernel",
            ["m4corpus/embed/carried/use_kernel.c"],
            # Torch rounds between multiplication and addition, and the kernel gives torch's bytes, whatever CFLAGS say.
            extra_compile_args=["-O3", "-fno-fast-math", "-ffp-contract=off"],
            extra_link_args=["-fno-fast-math"],
            py_limited_api=True,
            # Without a compiler, or on another processor, torch computes the same, half as fast.
            optional=True,
        )
    ]
)
