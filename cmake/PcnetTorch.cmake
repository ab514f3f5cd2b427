# Finds LibTorch, CPU or CUDA wheel, with or without a CUDA toolkit on this machine. Used by the
# build and, once installed, by find_package(pcnet).
# Sets PCNET_TORCH_ROOT (the folder with torch's lib/ and include/) and PCNET_HAS_CUDA.

# The CUDA wheel's CMake files ask for nvcc and fail where there is none, although linking torch
# needs only the wheel. They return at once when torch::cudart exists, the one CUDA target that
# torch's libraries name, so it is made here, from the runtime that pip installs beside torch or
# from an installed toolkit.
function(pcnet_define_cudart torch_root)
  if(TARGET torch::cudart)
    return()
  endif()
  get_filename_component(site_packages "${torch_root}" DIRECTORY)
  file(GLOB includes LIST_DIRECTORIES true "${site_packages}/nvidia/*/include")
  file(GLOB runtimes "${site_packages}/nvidia/*/lib/libcudart.so.*")
  if(NOT runtimes)
    find_path(PCNET_CUDA_INCLUDE_DIR cuda_runtime_api.h
              HINTS ENV CUDA_HOME PATHS /usr/local/cuda PATH_SUFFIXES include)
    find_library(PCNET_CUDART_LIBRARY cudart HINTS ENV CUDA_HOME PATHS /usr/local/cuda
                 PATH_SUFFIXES lib64 lib)
    if(NOT PCNET_CUDA_INCLUDE_DIR OR NOT PCNET_CUDART_LIBRARY)
      message(FATAL_ERROR
              "torch in ${torch_root} is built for CUDA, but the CUDA runtime is neither beside it "
              "(pip's nvidia packages) nor in a toolkit: install torch with its dependencies, "
              "or set CUDA_HOME")
    endif()
    set(includes "${PCNET_CUDA_INCLUDE_DIR}")
    set(runtimes "${PCNET_CUDART_LIBRARY}")
  endif()
  list(GET runtimes 0 runtime)
  add_library(torch::cudart INTERFACE IMPORTED GLOBAL)
  set_target_properties(torch::cudart PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${includes}"
                                                 INTERFACE_LINK_LIBRARIES "${runtime}")
  # torch's CUDA libraries find theirs through their own run path; the linker need not follow it.
  target_link_options(torch::cudart INTERFACE -Wl,--allow-shlib-undefined)
endfunction()

if(NOT Torch_DIR AND DEFINED ENV{Torch_DIR})
  set(Torch_DIR "$ENV{Torch_DIR}" CACHE PATH "LibTorch's CMake files")
endif()
find_path(Torch_DIR TorchConfig.cmake PATH_SUFFIXES share/cmake/Torch Torch
          DOC "LibTorch's CMake files")
if(NOT Torch_DIR)
  message(FATAL_ERROR "LibTorch was not found: run scripts/setup.sh, or set Torch_DIR to the folder "
                      "with TorchConfig.cmake (<site-packages>/torch/share/cmake/Torch)")
endif()
get_filename_component(PCNET_TORCH_ROOT "${Torch_DIR}/../../.." ABSOLUTE)

set(PCNET_HAS_CUDA OFF)
if(EXISTS "${PCNET_TORCH_ROOT}/lib/libtorch_cuda.so")
  set(PCNET_HAS_CUDA ON)
  pcnet_define_cudart("${PCNET_TORCH_ROOT}")
endif()

# Every wheel warns that kineto, a profiler that pcnet does not link, is missing.
set(pcnet_log_level "${CMAKE_MESSAGE_LOG_LEVEL}")
set(CMAKE_MESSAGE_LOG_LEVEL ERROR)
find_package(Torch QUIET REQUIRED)
set(CMAKE_MESSAGE_LOG_LEVEL "${pcnet_log_level}")
if(Torch_VERSION AND Torch_VERSION VERSION_LESS 2.11)
  message(FATAL_ERROR "torch ${Torch_VERSION} in ${Torch_DIR} is too old: pcnet needs 2.11 or newer")
endif()
