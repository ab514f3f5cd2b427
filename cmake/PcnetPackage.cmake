# cpack: a .tar.gz that runs where it is unpacked, and a .deb (docs/packages.md). Neither holds LibTorch:
# bin/pcnet, a script, finds one and starts lib/pcnet/pcnet. Component `program` is that, `libraries`
# what it needs beside LibTorch and the system's runtimes, for the .tar.gz.
string(REGEX MATCH "^[0-9]+[.][0-9]+" PCNET_TORCH_MINOR "${Torch_VERSION}")
set(PCNET_TORCH_LIBRARIES "")
if(PCNET_HAS_CUDA)
  set(PCNET_TORCH_LIBRARIES libtorch_cuda.so)
endif()
configure_file(cmake/pcnet.sh.in "${PROJECT_BINARY_DIR}/launcher/pcnet" @ONLY
               FILE_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
                                WORLD_READ WORLD_EXECUTE)

# The program as it lies beside its libraries, without a path of this machine.
add_executable(pcnet_packaged EXCLUDE_FROM_ALL apps/pcnet/main.cpp)
target_link_libraries(pcnet_packaged PRIVATE pcnet_app)
pcnet_compile_options(pcnet_packaged)
set_target_properties(pcnet_packaged PROPERTIES
  OUTPUT_NAME pcnet RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/packaged"
  BUILD_WITH_INSTALL_RPATH ON INSTALL_RPATH "$ORIGIN")

install(CODE "execute_process(COMMAND \"${CMAKE_COMMAND}\" --build \"${PROJECT_BINARY_DIR}\"
                        --target pcnet_packaged COMMAND_ERROR_IS_FATAL ANY)"
        COMPONENT program EXCLUDE_FROM_ALL)
install(TARGETS pcnet_packaged RUNTIME_DEPENDENCY_SET pcnet_libraries
        RUNTIME DESTINATION lib/pcnet COMPONENT program EXCLUDE_FROM_ALL)
install(PROGRAMS "${PROJECT_BINARY_DIR}/launcher/pcnet" DESTINATION "${CMAKE_INSTALL_BINDIR}"
        COMPONENT program EXCLUDE_FROM_ALL)
set(PCNET_DOC_DIR "${CMAKE_INSTALL_DATADIR}/doc/pcnet")
install(FILES LICENSE ./README.md CHANGELOG.md DESTINATION "${PCNET_DOC_DIR}"
        COMPONENT program EXCLUDE_FROM_ALL)
install(DIRECTORY docs/ DESTINATION "${PCNET_DOC_DIR}/docs" COMPONENT program EXCLUDE_FROM_ALL
        FILES_MATCHING PATTERN "*.md" PATTERN "*.png")
install(DIRECTORY third_party/ DESTINATION "${PCNET_DOC_DIR}/third_party"
        COMPONENT program EXCLUDE_FROM_ALL
        FILES_MATCHING PATTERN "*.md" PATTERN "LICENSE")

install(RUNTIME_DEPENDENCY_SET pcnet_libraries
        PRE_EXCLUDE_REGEXES "^lib(torch|c10|shm|gomp|cuda|cupti|nccl|nv)" # LibTorch's and CUDA's
                            "^(ld-linux|lib(stdc[+][+]|gcc_s|c|m|mvec|dl|rt|pthread|util|resolv)[.]so)"
        LIBRARY DESTINATION lib/pcnet COMPONENT libraries EXCLUDE_FROM_ALL)
install(CODE "set(LIBRARIES \"\${CMAKE_INSTALL_PREFIX}/lib/pcnet\")
set(LICENCES \"\${CMAKE_INSTALL_PREFIX}/${PCNET_DOC_DIR}/licences\")"
        COMPONENT libraries EXCLUDE_FROM_ALL)
install(SCRIPT cmake/InstallLicences.cmake COMPONENT libraries EXCLUDE_FROM_ALL)

set(CPACK_GENERATOR TGZ DEB)
set(CPACK_PACKAGE_FILE_NAME "pcnet-${PROJECT_VERSION}-linux-${CMAKE_SYSTEM_PROCESSOR}")
set(CPACK_PACKAGE_CONTACT "The pcnet authors")
set(CPACK_PACKAGE_DESCRIPTION "It runs with the LibTorch of an installed torch ${PCNET_TORCH_MINOR}, which is not in it.")
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL program)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_ARCHIVE_COMPONENT_INSTALL ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "${PROJECT_DESCRIPTION}\n${CPACK_PACKAGE_DESCRIPTION}")
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS python3)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS openmpi-bin)
set(PCNET_PACKAGED "${PROJECT_BINARY_DIR}/packaged/pcnet")
set(PCNET_TORCH_LIB "${PCNET_TORCH_ROOT}/lib")
configure_file(cmake/PackageGenerator.cmake.in "${PROJECT_BINARY_DIR}/PackageGenerator.cmake" @ONLY)
set(CPACK_PROJECT_CONFIG_FILE "${PROJECT_BINARY_DIR}/PackageGenerator.cmake")
include(CPack)
