# What the build needs. LibTorch comes from an explicit Torch_DIR or CMAKE_PREFIX_PATH, else from
# the choice of scripts/setup.sh, else from .venv, else from the active Python; for a wheel of pcnet
# from the Python that it is built for. The wheel's CMake files are located without importing torch.

# A wheel's environment is in CMAKE_PREFIX_PATH, by whatever name.
if(NOT Torch_DIR AND (SKBUILD OR (NOT CMAKE_PREFIX_PATH MATCHES "torch" AND NOT DEFINED ENV{Torch_DIR}
   AND NOT "$ENV{CMAKE_PREFIX_PATH}" MATCHES "torch")))
  set(pcnet_torch "")
  set(pythons "${PROJECT_SOURCE_DIR}/.venv/bin/python" python3)
  if(SKBUILD)
    set(pythons "${Python_EXECUTABLE}")
  elseif(EXISTS "${PROJECT_SOURCE_DIR}/.setup/torch_dir")
    file(STRINGS "${PROJECT_SOURCE_DIR}/.setup/torch_dir" pcnet_torch LIMIT_COUNT 1)
  endif()
  foreach(python IN LISTS pythons)
    if(EXISTS "${pcnet_torch}/TorchConfig.cmake")
      break()
    endif()
    execute_process(
      COMMAND ${python} -c
              "import importlib.util as u; s=u.find_spec('torch'); print(s.submodule_search_locations[0] + '/share/cmake/Torch' if s else '')"
      OUTPUT_VARIABLE pcnet_torch OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  endforeach()
  if(EXISTS "${pcnet_torch}/TorchConfig.cmake")
    set(Torch_DIR "${pcnet_torch}" CACHE PATH "LibTorch's CMake files")
  endif()
endif()

include(PcnetTorch)
message(STATUS "torch ${Torch_VERSION} in ${Torch_DIR} (CUDA: ${PCNET_HAS_CUDA})")
include(PcnetLibraries)
if(PCNET_BUILD_APPS)
  find_package(CLI11 REQUIRED)
endif()
