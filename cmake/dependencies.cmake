# The one place where a version of a third-party source lives.
#
# Each dependency has two pins: the upstream commit (for the public repository) and, newest first,
# the Debian source versions that are known to work together with the SHA-256 of their .orig
# archive (for hosts that only reach a Debian mirror). See sources.cmake for how they are used.

set(ONNXSTREAM_DEPENDENCIES XNNPACK PTHREADPOOL CPUINFO FXDIV)

set(XNNPACK_REPOSITORY "https://github.com/google/XNNPACK.git")
set(XNNPACK_COMMIT 4ea82e595b36106653175dcb04b2aa532660d0d8)
set(XNNPACK_DEBIAN_NAME xnnpack)
set(XNNPACK_DEBIAN_TOP_FOLDER FALSE) # the archive has no top folder, the others have one
set(XNNPACK_DEBIAN_VERSIONS
    "0.0~git20241108.4ea82e5:90bde2caef0f880f627bab0dc805a86c4b8070cd98e3243db3046ab3f3be1a99")
set(XNNPACK_LICENSE_FILE LICENSE)

set(PTHREADPOOL_REPOSITORY "https://github.com/google/pthreadpool.git")
set(PTHREADPOOL_COMMIT 4fe0e1e183925bf8cfa6aae24237e724a96479b8)
set(PTHREADPOOL_DEBIAN_NAME pthreadpool)
set(PTHREADPOOL_DEBIAN_TOP_FOLDER TRUE)
set(PTHREADPOOL_DEBIAN_VERSIONS
    "0.0~git20240616.560c60d:4cc3cbd933b28131d2a34edc54f76af9fb41bc490af5eae1a5bd3cd07ea90708"
    "0.0~git20251020.0e6ca13:7a385b6585abe8f8658952c50b44a1dabe200de2c88eabe65d15168b8a82295c")

set(CPUINFO_REPOSITORY "https://github.com/pytorch/cpuinfo.git")
set(CPUINFO_COMMIT dff2616ddd49122b63abcf44d2c097483b77f861)
set(CPUINFO_DEBIAN_NAME cpuinfo)
set(CPUINFO_DEBIAN_TOP_FOLDER TRUE)
set(CPUINFO_DEBIAN_VERSIONS
    "0.0~git20250905.877328f:557ca404a3836b9f335a3a06b65ff9fe9dbaaefab7fb5c0185f53d9f33615a10"
    "0.0~git20250327.39ea79a:2a10028948f7f0663c56cc34405484391ee3d7ccdf09fe51d73897937b99d9d4")

set(FXDIV_REPOSITORY "https://github.com/Maratyszcza/FXdiv.git")
set(FXDIV_COMMIT b408327ac2a15ec3e43352421954f5b1967701d1)
set(FXDIV_DEBIAN_NAME fxdiv)
set(FXDIV_DEBIAN_TOP_FOLDER TRUE)
set(FXDIV_DEBIAN_VERSIONS
    "0.0~git20200417.b408327:7953482badaf4cb34026c3487c257b8e4ab2df061c019bd6fabbbc12ad52c44b")
