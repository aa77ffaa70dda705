#!/usr/bin/env python3
"""Settings of OBS for tests: a scene of one colour, or of a stream that it plays, 160x90 at 10 frames a second, streamed
to a server.

    obs_profile.py HOME rtmp://127.0.0.1:1935/live/demo in

writes them below HOME and prints the command that streams without a screen.
"""
import json
import pathlib
import shlex
import sys

GLOBAL = """[General]
FirstRun=true
EnableAutoUpdates=false
LastVersion=486539266
[Basic]
Profile=Test
ProfileDir=Test
SceneCollection=Test
SceneCollectionFile=Test
[BasicWindow]
SysTrayEnabled=false
"""
PROFILE = """[General]
Name=Test
[Output]
Mode=Simple
Reconnect=false
[SimpleOutput]
VBitrate=100
ABitrate=64
StreamEncoder=x264
Preset=ultrafast
StreamAudioEncoder=aac
[Video]
BaseCX=320
BaseCY=180
OutputCX=160
OutputCY=90
FPSType=0
FPSCommon=10
[Audio]
SampleRate=48000
ChannelSetup=Stereo
"""
ITEM = {"name": "Source", "id": 1, "visible": True, "pos": {"x": 0.0, "y": 0.0}, "scale": {"x": 1.0, "y": 1.0}}
COLOUR = {"id": "color_source", "versioned_id": "color_source_v3", "name": "Source",
          "settings": {"color": 0xFF00FF00, "width": 320, "height": 180}}


def scenes_json(play):
    stream = {"id": "ffmpeg_source", "versioned_id": "ffmpeg_source", "name": "Source",
              "settings": {"is_local_file": False, "input": play, "input_format": "flv", "hw_decode": False}}
    scene = {"id": "scene", "name": "Scene", "settings": {"id_counter": 1, "items": [ITEM]}}
    return json.dumps({"name": "Test", "current_scene": "Scene", "current_program_scene": "Scene",
                       "scene_order": [{"name": "Scene"}], "sources": [stream if play else COLOUR, scene]})


def prepare(home, server, key, play=None):
    """The command and its environment (variables to add); play: the URL of the stream to show."""
    config = pathlib.Path(home) / ".config" / "obs-studio"
    profile = config / "basic" / "profiles" / "Test"
    scenes = config / "basic" / "scenes"
    profile.mkdir(parents=True)
    scenes.mkdir(parents=True)
    (config / "global.ini").write_text(GLOBAL)
    (profile / "basic.ini").write_text(PROFILE)
    (profile / "service.json").write_text(json.dumps({"type": "rtmp_custom", "settings": {
        "server": server, "key": key, "use_auth": False, "bwtest": False}}))
    (scenes / "Test.json").write_text(scenes_json(play))
    command = ["xvfb-run", "-a", "-s", "-screen 0 640x480x24", "obs", "--multi", "--startstreaming", "--profile", "Test",
               "--collection", "Test", "--scene", "Scene"]
    return command, {"HOME": str(home), "XDG_CONFIG_HOME": str(config.parent), "XDG_RUNTIME_DIR": str(home),
                     "LIBGL_ALWAYS_SOFTWARE": "1"}


if __name__ == "__main__":
    line, variables = prepare(*sys.argv[1:])
    print(*(f"{name}={shlex.quote(value)}" for name, value in variables.items()), shlex.join(line))
