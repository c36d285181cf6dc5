"""Drawing a scene with OpenGL over EGL: a graphics card where there is one, Mesa's software rasteriser otherwise.

Three passes: colour with 4x multisampling, identity and depth without, and the shadow that everything throws on the floor.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from xnect_lite.errors import XnectError, install
from xnect_lite.synth.mesh import PLAIN, Look, Mesh
from xnect_lite.synth.view import View

NEAR_M, FAR_M = 0.1, 200.0
NOTHING_MM = 1e9
"""Depth where nothing was drawn."""
_KEPT_TEXTURES = 96
_MOST_TEXELS = 512

_VERTEX = """
#version 330
uniform mat3 rotation; uniform vec3 position; uniform vec2 scale; uniform vec2 clip;
uniform vec3 shadow; uniform float flat_on_floor;
in vec3 in_point; in vec3 in_normal; in vec2 in_uv;
out vec3 normal; out vec2 uv; out vec3 ray; out float depth;
void main() {
    vec3 p = in_point;
    p -= flat_on_floor * shadow * (p.y / shadow.y);
    ray = p - position;
    vec3 c = rotation * ray;
    normal = in_normal; uv = in_uv; depth = c.z;
    gl_Position = vec4(scale.x * c.x, -scale.y * c.y, clip.x * c.z - clip.y, c.z);
}
"""
_COLOUR = """
#version 330
uniform sampler2D picture; uniform sampler2D pattern; uniform float pattern_scale; uniform mat3 matrix; uniform vec3 offset;
uniform vec3 sun; uniform vec3 sun_colour; uniform vec3 sky_colour; uniform vec3 floor_colour; uniform float gloss;
in vec3 normal; in vec2 uv; in vec3 ray; in float depth;
out vec4 colour;
void main() {
    vec4 t = texture(picture, uv);
    if (t.a < 0.3) discard;
    vec3 base = clamp(matrix * t.rgb + offset, 0.0, 1.0) * texture(pattern, uv * pattern_scale).rgb;
    vec3 n = normalize(normal), view = -normalize(ray);
    if (dot(n, view) < 0.0) n = -n;
    float wrap = clamp(dot(n, sun) * 0.8 + 0.2, 0.0, 1.0);
    vec3 light = mix(floor_colour, sky_colour, 0.5 + 0.5 * n.y) + sun_colour * wrap;
    float spark = pow(max(dot(n, normalize(view + sun)), 0.0), 24.0) * gloss;
    colour = vec4(base * light + sun_colour * spark, 1.0);
}
"""
_IDENTITY = """
#version 330
uniform sampler2D picture; uniform float ident;
in vec3 normal; in vec2 uv; in vec3 ray; in float depth;
out vec2 value;
void main() { if (texture(picture, uv).a < 0.3) discard; value = vec2(ident, depth * 1000.0); }
"""
_SHADOW = """
#version 330
in vec3 normal; in vec2 uv; in vec3 ray; in float depth;
out float value;
void main() { value = 1.0; }
"""


@dataclass(frozen=True)
class Light:
    """One sun and a sky. direction (3,) towards the sun, y > 0, unit; colours (3,) 0..1."""

    direction: np.ndarray
    sun: np.ndarray
    sky: np.ndarray
    floor: np.ndarray


@dataclass(frozen=True)
class Rendering:
    """A drawn scene, H x W.

    colour (H, W, 4) float32 0..1, premultiplied by its alpha; ident (H, W) int16, 0 = nothing; depth_mm (H, W) float32 along
    the optical axis; shadow (H, W) float32 0..1 on the floor.
    """

    colour: np.ndarray
    ident: np.ndarray
    depth_mm: np.ndarray
    shadow: np.ndarray


class Renderer:
    """Holds the OpenGL context, the framebuffers of one picture size and the textures used lately."""

    def __init__(self, size: tuple[int, int]) -> None:
        try:
            import moderngl
        except ImportError as error:
            raise XnectError("Rendering", "needs moderngl", install("synth")) from error
        try:
            self._gl = moderngl.create_context(standalone=True, backend="egl")  # type: ignore[arg-type]  # the stub is wrong
        except Exception as error:  # whatever the driver throws
            raise XnectError(
                "Rendering", f"finds no OpenGL over EGL ({error})", "Install a driver, or libegl1 and libgl1-mesa-dri"
            ) from error
        self.size = size
        gl = self._gl
        gl.enable(moderngl.DEPTH_TEST)
        self._programs: dict[str, Any] = {
            name: gl.program(vertex_shader=_VERTEX, fragment_shader=shader)
            for name, shader in (("colour", _COLOUR), ("identity", _IDENTITY), ("shadow", _SHADOW))
        }
        samples = min(4, gl.max_samples)
        self._smooth = gl.framebuffer(gl.renderbuffer(size, 4, samples=samples), gl.depth_renderbuffer(size, samples=samples))
        self._resolved = gl.framebuffer(gl.renderbuffer(size, 4))
        self._exact = gl.framebuffer(gl.renderbuffer(size, 2, dtype="f4"), gl.depth_renderbuffer(size))
        self._floor = gl.framebuffer(gl.renderbuffer(size, 1))
        self._textures: OrderedDict[str, Any] = OrderedDict()

    @property
    def device(self) -> str:
        """What draws, in the driver's words."""
        return str(self._gl.info["GL_RENDERER"])

    def close(self) -> None:
        """Give the context back."""
        self._gl.release()

    def render(self, meshes: Sequence[Mesh], view: View, light: Light) -> Rendering:
        """Draw the meshes. The floor itself is not drawn: its shadow comes back for the background to wear."""
        if view.size != self.size:
            raise ValueError(f"the renderer draws {self.size}, the view is {view.size}")
        for program in self._programs.values():
            self._point(program, view, light)
        passes = ("colour", "identity", "shadow")
        self._smooth.clear(0, 0, 0, 0)
        self._exact.clear(0, NOTHING_MM)
        self._floor.clear()
        targets = dict(zip(passes, (self._smooth, self._exact, self._floor), strict=True))
        temporary: list[Any] = []
        for mesh in meshes:
            picture, pattern = (self._texture(t, temporary) for t in (mesh.look.texture, mesh.look.pattern))
            picture.use(0)
            pattern.use(1)
            corners = np.concatenate([mesh.points_m, mesh.normals, mesh.uv], 1).astype("f4")
            buffer = self._gl.buffer(np.ascontiguousarray(corners))
            index = self._gl.buffer(np.ascontiguousarray(mesh.triangles.astype("i4")))
            self._dress(mesh.look, mesh.ident)
            for name in passes:
                targets[name].use()
                wanted = [(n, w) for n, w in (("in_point", 3), ("in_normal", 3), ("in_uv", 2)) if n in self._programs[name]]
                layout = " ".join(
                    f"{w}f" if (n, w) in wanted else f"{w * 4}x" for n, w in (("in_point", 3), ("in_normal", 3), ("in_uv", 2))
                )
                array = self._gl.vertex_array(self._programs[name], [(buffer, layout, *(n for n, _ in wanted))], index)
                array.render()
                array.release()
            buffer.release()
            index.release()
        self._gl.copy_framebuffer(self._resolved, self._smooth)
        colour = self._read(self._resolved, 4, "f1").astype(np.float32) / 255
        exact = self._read(self._exact, 2, "f4")
        shadow = self._read(self._floor, 1, "f1")[..., 0].astype(np.float32) / 255
        for texture in temporary:
            texture.release()
        return Rendering(colour, np.rint(exact[..., 0]).astype(np.int16), exact[..., 1], shadow)

    def _point(self, program: Any, view: View, light: Light) -> None:
        width, height = view.size
        span = FAR_M - NEAR_M
        values = {
            "rotation": tuple(view.rotation.T.ravel()),  # OpenGL stores columns
            "position": tuple(view.position_m),
            "scale": (2 * view.focal_px / width, 2 * view.focal_px / height),
            "clip": ((FAR_M + NEAR_M) / span, 2 * FAR_M * NEAR_M / span),
            "shadow": tuple(light.direction),
            "flat_on_floor": float(program is self._programs["shadow"]),
            "sun": tuple(light.direction),
            "sun_colour": tuple(light.sun),
            "sky_colour": tuple(light.sky),
            "floor_colour": tuple(light.floor),
        }
        for name, value in values.items():
            if name in program:
                program[name].value = value

    def _dress(self, look: Look, ident: int) -> None:
        colour, identity = self._programs["colour"], self._programs["identity"]
        colour["picture"].value, colour["pattern"].value = 0, 1
        colour["pattern_scale"].value = look.pattern_scale
        colour["matrix"].value = tuple(look.matrix.T.ravel())
        colour["offset"].value = tuple(look.offset)
        colour["gloss"].value = look.gloss
        identity["picture"].value = 0
        identity["ident"].value = float(ident)

    def _texture(self, source: np.ndarray | str | None, temporary: list[Any]) -> Any:
        """Textures of files are kept, those made on the fly go after the picture."""
        if source is None or source is PLAIN:
            return self._kept("plain", PLAIN)
        if isinstance(source, str):
            return self._kept(source, None)
        texture = self._upload(source)
        temporary.append(texture)
        return texture

    def _kept(self, key: str, pixels: np.ndarray | None) -> Any:
        if key not in self._textures:
            self._textures[key] = self._upload(read_texture(key) if pixels is None else pixels)
            if len(self._textures) > _KEPT_TEXTURES:
                self._textures.popitem(last=False)[1].release()
        self._textures.move_to_end(key)
        return self._textures[key]

    def _upload(self, pixels: np.ndarray) -> Any:
        height, width, channels = pixels.shape
        texture = self._gl.texture((width, height), channels, np.ascontiguousarray(pixels[::-1]).tobytes(), alignment=1)
        texture.build_mipmaps()
        return texture

    def _read(self, framebuffer: Any, channels: int, dtype: str) -> np.ndarray:
        width, height = self.size
        data = framebuffer.read(components=channels, dtype=dtype, alignment=1)
        return np.frombuffer(data, np.float32 if dtype == "f4" else np.uint8).reshape(height, width, channels)[::-1]


def read_texture(path: str) -> np.ndarray:
    """(h, w, 3 or 4) uint8 RGB or RGBA of a picture file. Raises XnectError if it cannot be read."""
    pixels = cv2.imread(path, cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.ndim != 3:
        raise XnectError(path, "is no colour picture that can be read", "Check the folder given to --makehuman")
    while max(pixels.shape) > _MOST_TEXELS:  # finer than people are drawn, and slow to upload
        pixels = cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA if pixels.shape[2] == 4 else cv2.COLOR_BGR2RGB)
