add_library(egressproof_settings INTERFACE)
target_include_directories(egressproof_settings INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(egressproof_settings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough)
# A false positive of GCC 12 at -O3, in std::string of the standard library (GCC bug 105329).
target_compile_options(egressproof_settings INTERFACE $<$<CONFIG:Release>:-Wno-restrict>)
if(EGRESSPROOF_WERROR)
  target_compile_options(egressproof_settings INTERFACE -Werror)
endif()
target_compile_definitions(egressproof_settings INTERFACE EGRESSPROOF_VERSION="${PROJECT_VERSION}")
if(EGRESSPROOF_SANITIZE)
  target_compile_options(egressproof_settings INTERFACE
    -fsanitize=${EGRESSPROOF_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  # GCC 12 takes what the sanitizers add for reads of uninitialised memory, in the standard library's own headers too.
  target_compile_options(egressproof_settings INTERFACE -Wno-maybe-uninitialized)
  target_link_options(egressproof_settings INTERFACE -fsanitize=${EGRESSPROOF_SANITIZE})
endif()
