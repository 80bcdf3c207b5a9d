"""Which containers FFmpeg may find in a file of sound."""

from typing import Final

CONTAINERS: Final = (
    "aac,ac3,aiff,alaw,amr,amrnb,amrwb,ape,asf,au,avi,caf,dsf,dts,eac3,flac,flv,g722,g729,gsm,ilbc,ircam,loas,"
    "matroska,mov,mp3,mpc,mpc8,mpeg,mpegts,mulaw,mxf,nistsphere,nut,ogg,paf,qcp,rm,shn,sln,sox,tak,truehd,tta,voc,"
    "w64,wav,webm,wtv,wv"
)
"""Those that carry sound themselves: no playlist, no text, no device, nothing that names another file or address."""
