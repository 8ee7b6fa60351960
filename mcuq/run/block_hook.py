"""A block hook without the wrapper of Unicorn's Python binding, which takes most of its time."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

OnBlock = Callable[[object, int, int, object], None]

# void (*)(uc_engine *, uint64_t address, uint32_t size, void *user_data)
_Callback = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint32, ctypes.c_void_p)


def add_block_hook(unicorn: Any, engine: Any, on_block: OnBlock) -> Callable[[], None]:
    """Call `on_block(_, address, bytes, _)` before each block that runs; returns what takes the hook away again.

    Measured with Unicorn 2.1.1: 0.26 us a block instead of 0.70 us. Bindings of another make get their ordinary hook.
    """
    kind = unicorn.unicorn_const.UC_HOOK_BLOCK
    library = getattr(getattr(getattr(unicorn, "unicorn_py3", None), "unicorn", None), "uclib", None)
    if library is None or not hasattr(engine, "_uch"):
        ordinary = engine.hook_add(kind, on_block)
        return lambda: engine.hook_del(ordinary)
    callback, handle = _Callback(on_block), ctypes.c_size_t()
    everywhere = (ctypes.c_uint64(1), ctypes.c_uint64(0))
    status = library.uc_hook_add(
        engine._uch, ctypes.byref(handle), kind, ctypes.cast(callback, ctypes.c_void_p), None, *everywhere
    )
    if status != unicorn.unicorn_const.UC_ERR_OK:
        raise unicorn.UcError(status)

    def remove() -> None:
        library.uc_hook_del(engine._uch, handle)
        del_after_use.clear()

    del_after_use = [callback]  # the engine does not keep it alive
    return remove
