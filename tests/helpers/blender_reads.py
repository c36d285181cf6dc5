"""Run by a Python that has bpy: what Blender makes of BVH and GLB files, as JSON on standard output."""

from __future__ import annotations

import json
import sys

import bpy


def read(path: str) -> dict[str, object]:
    """Rate, and where each bone's head is in each frame, in the axes and the unit of the file."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    if path.endswith(".bvh"):
        bpy.ops.import_anim.bvh(
            filepath=path, update_scene_fps=True, update_scene_duration=True, axis_forward="-Z", axis_up="Y"
        )
    else:
        scene.render.fps, scene.render.fps_base = 30, 1.0
        bpy.ops.import_scene.gltf(filepath=path)
    moments = [moment for action in bpy.data.actions for moment in action.frame_range]
    first, last = round(min(moments)), round(max(moments))
    rig = next(thing for thing in scene.objects if thing.type == "ARMATURE")
    heads: dict[str, list[list[float]]] = {bone.name: [] for bone in rig.pose.bones}
    for frame in range(first, last + 1):
        scene.frame_set(frame)
        for bone in rig.pose.bones:
            x, y, z = rig.matrix_world @ bone.head
            heads[bone.name].append([x, z, -y])  # Blender's Z is up
    fps = scene.render.fps / scene.render.fps_base
    meshes = sum(len(thing.data.polygons) for thing in scene.objects if thing.type == "MESH")
    return {"fps": fps, "heads": heads, "faces": meshes, "blender": bpy.app.version_string}


if __name__ == "__main__":
    found = {path: read(path) for path in sys.argv[1:]}
    print("\n" + json.dumps(found))
