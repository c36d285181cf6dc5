"""Finds out whether OpenGL works here, before a widget depends on it."""

from __future__ import annotations

import importlib.util
import os

from PyQt6.QtGui import QGuiApplication, QOffscreenSurface, QOpenGLContext, QSurfaceFormat

_MIN_VERSION = (2, 1)
_NO_GL_PLATFORMS = {"offscreen", "minimal", "vnc", "linuxfb", "minimalegl", "eglfs"}


def opengl_problem() -> str:
    """Why the 3D view cannot use OpenGL, "" if it can. Needs the QApplication.

    Makes a context of Qt's and asks it for its version through PyOpenGL, the way pyqtgraph will: a context alone does not
    tell whether the two agree on it.
    """
    platform = QGuiApplication.platformName()
    if platform in _NO_GL_PLATFORMS:
        return f"Qt's platform '{platform}' has no OpenGL"
    for module in ("OpenGL", "pyqtgraph"):
        if importlib.util.find_spec(module) is None:
            return f"{module} is not installed"
    if platform.startswith("wayland") or os.environ.get("QT_XCB_GL_INTEGRATION") == "xcb_egl":
        os.environ.setdefault("PYOPENGL_PLATFORM", "egl")  # Qt uses EGL there; PyOpenGL would ask GLX
    context, surface = QOpenGLContext(), QOffscreenSurface()
    surface.setFormat(QSurfaceFormat.defaultFormat())
    surface.create()
    if not surface.isValid() or not context.create() or not context.makeCurrent(surface):
        return "no OpenGL context can be made"
    try:
        from OpenGL import GL

        words = GL.glGetString(GL.GL_VERSION)
        version = context.format().version()
    except Exception as error:  # PyOpenGL raises kinds of its own, and AttributeError where the library is missing
        return f"OpenGL cannot be called ({error})"
    finally:
        context.doneCurrent()
    if not words:
        return "OpenGL does not answer"
    if version < _MIN_VERSION:
        return f"OpenGL {version[0]}.{version[1]} is too old"
    return ""
