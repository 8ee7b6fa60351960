"""The build room: compilers, firmware images, and what they weigh."""

from mcuq.build.compile import build_image, build_shared_library, check_compiles, write_sources
from mcuq.build.doctor import Tool, find_tools
from mcuq.build.flags import MODEL_FLAGS, OPTIMIZE_DEFAULT, WARNING_FLAGS, compile_line, optimize_flag
from mcuq.build.image import read_image
from mcuq.build.toolchains import Toolchain, find_toolchain

__all__ = [
    "MODEL_FLAGS",
    "OPTIMIZE_DEFAULT",
    "WARNING_FLAGS",
    "Tool",
    "Toolchain",
    "build_image",
    "build_shared_library",
    "check_compiles",
    "compile_line",
    "find_toolchain",
    "find_tools",
    "optimize_flag",
    "read_image",
    "write_sources",
]
