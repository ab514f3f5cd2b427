# cmake --install: library, headers, program with its pages and completion, configurations and the package
# that find_package(pcnet) reads.
include(CMakePackageConfigHelpers)

set(PCNET_CMAKE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/pcnet")

install(TARGETS pcnet pcnet_plain EXPORT pcnetTargets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(EXPORT pcnetTargets NAMESPACE pcnet:: DESTINATION "${PCNET_CMAKE_DIR}")
install(CODE "set(INCLUDES \"${PROJECT_SOURCE_DIR}/include\")
set(DESTINATION \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_INCLUDEDIR}\")")
install(SCRIPT cmake/InstallHeaders.cmake)
if(EXISTS "${PROJECT_SOURCE_DIR}/configs")
  install(DIRECTORY configs/ DESTINATION "${CMAKE_INSTALL_DATADIR}/pcnet/configs"
          COMPONENT program)
endif()

if(PCNET_BUILD_APPS)
  # Only torch's own folder: the link line also names MKL folders that exist nowhere.
  set_target_properties(pcnet_cli PROPERTIES INSTALL_RPATH "${PCNET_TORCH_ROOT}/lib")
  install(TARGETS pcnet_cli RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
  install(CODE "set(PROGRAM \"$<TARGET_FILE:pcnet_cli>\")
set(MADE \"${PROJECT_BINARY_DIR}/shell_files\")
set(DATA \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_DATADIR}\")
set(MAN \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_MANDIR}\")"
          COMPONENT program)
  install(SCRIPT cmake/InstallShellFiles.cmake COMPONENT program)
endif()

configure_package_config_file(cmake/pcnetConfig.cmake.in "${PROJECT_BINARY_DIR}/pcnetConfig.cmake"
                              INSTALL_DESTINATION "${PCNET_CMAKE_DIR}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/pcnetConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion)
# The same modules find LibTorch and the other libraries for the build and for whoever uses the package.
install(FILES "${PROJECT_BINARY_DIR}/pcnetConfig.cmake"
              "${PROJECT_BINARY_DIR}/pcnetConfigVersion.cmake"
              cmake/PcnetTorch.cmake cmake/PcnetLibraries.cmake DESTINATION "${PCNET_CMAKE_DIR}")
