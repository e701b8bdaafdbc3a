add_library(egressproof_settings INTERFACE)
target_include_directories(egressproof_settings INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(egressproof_settings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough)
if(EGRESSPROOF_WERROR)
  target_compile_options(egressproof_settings INTERFACE -Werror)
endif()
target_compile_definitions(egressproof_settings INTERFACE EGRESSPROOF_VERSION="${PROJECT_VERSION}")
if(EGRESSPROOF_SANITIZE)
  target_compile_options(egressproof_settings INTERFACE
    -fsanitize=${EGRESSPROOF_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(egressproof_settings INTERFACE -fsanitize=${EGRESSPROOF_SANITIZE})
endif()
