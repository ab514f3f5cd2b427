# The system's libraries under names that do not depend on the distribution. Used by the build
# and, once installed, by find_package(pcnet).

# OpenCV's core, imgproc and imgcodecs. Debian ships OpenCV's CMake files only with all of its
# modules (150 packages), so the three libraries are also found by name.
if(NOT TARGET pcnet::opencv)
  find_package(OpenCV QUIET COMPONENTS core imgproc imgcodecs)
  if(NOT OpenCV_FOUND)
    find_path(PCNET_OPENCV_INCLUDE_DIR opencv2/imgcodecs.hpp PATH_SUFFIXES opencv4 REQUIRED)
    set(OpenCV_INCLUDE_DIRS "${PCNET_OPENCV_INCLUDE_DIR}")
    set(OpenCV_LIBS)
    foreach(module IN ITEMS imgcodecs imgproc core)
      find_library(PCNET_OPENCV_${module}_LIBRARY opencv_${module} REQUIRED)
      list(APPEND OpenCV_LIBS "${PCNET_OPENCV_${module}_LIBRARY}")
    endforeach()
  endif()
  add_library(pcnet::opencv INTERFACE IMPORTED GLOBAL)
  target_include_directories(pcnet::opencv SYSTEM INTERFACE ${OpenCV_INCLUDE_DIRS})
  target_link_libraries(pcnet::opencv INTERFACE ${OpenCV_LIBS})
endif()

# yaml-cpp 0.8 renamed its target.
if(NOT TARGET pcnet::yaml)
  find_package(yaml-cpp REQUIRED)
  add_library(pcnet::yaml INTERFACE IMPORTED GLOBAL)
  if(TARGET yaml-cpp::yaml-cpp)
    target_link_libraries(pcnet::yaml INTERFACE yaml-cpp::yaml-cpp)
  else()
    target_link_libraries(pcnet::yaml INTERFACE yaml-cpp)
  endif()
endif()

# utf8proc: Unicode normal forms, letter classes and lower case. Debian ships no CMake files for it.
if(NOT TARGET pcnet::utf8proc)
  find_path(PCNET_UTF8PROC_INCLUDE_DIR utf8proc.h REQUIRED)
  find_library(PCNET_UTF8PROC_LIBRARY utf8proc REQUIRED)
  add_library(pcnet::utf8proc INTERFACE IMPORTED GLOBAL)
  target_include_directories(pcnet::utf8proc SYSTEM INTERFACE "${PCNET_UTF8PROC_INCLUDE_DIR}")
  target_link_libraries(pcnet::utf8proc INTERFACE "${PCNET_UTF8PROC_LIBRARY}")
endif()

find_package(nlohmann_json 3.10 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(JPEG REQUIRED)
find_package(PNG REQUIRED)
if(PCNET_WITH_MPI)
  set(MPI_CXX_SKIP_MPICXX ON)
  find_package(MPI 3.1 QUIET COMPONENTS CXX)
  if(NOT MPI_CXX_FOUND)
    message(FATAL_ERROR "PCNET_WITH_MPI is on, but MPI 3.1 or newer was not found: install it "
                        "(Debian: libopenmpi-dev), or build pcnet with -DPCNET_WITH_MPI=OFF")
  endif()
endif()
# Boost's headers, of which the server is made.
if(PCNET_WITH_SERVE AND NOT TARGET pcnet::boost)
  find_path(PCNET_BOOST_INCLUDE_DIR boost/beast.hpp)
  if(NOT PCNET_BOOST_INCLUDE_DIR)
    message(FATAL_ERROR "PCNET_WITH_SERVE is on, but Boost.Beast was not found: install Boost's headers "
                        "(Debian: libboost-dev), or build pcnet with -DPCNET_WITH_SERVE=OFF")
  endif()
  add_library(pcnet::boost INTERFACE IMPORTED GLOBAL)
  target_include_directories(pcnet::boost SYSTEM INTERFACE "${PCNET_BOOST_INCLUDE_DIR}")
endif()
if(PCNET_WITH_LLM)
  find_package(CURL 7.85 QUIET)
  if(NOT CURL_FOUND)
    message(FATAL_ERROR "PCNET_WITH_LLM is on, but libcurl 7.85 or newer was not found: install it "
                        "(Debian: libcurl4-openssl-dev), or build pcnet with -DPCNET_WITH_LLM=OFF")
  endif()
endif()
