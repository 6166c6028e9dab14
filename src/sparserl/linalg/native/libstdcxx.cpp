// Lets the library load with a libstdc++ that is older than the compiler's, back to GCC 8's: a wheel shall run wherever
// jaxlib's does. What that one does not have, and a newer compiler or jaxlib's headers call, is defined here.
#include <new>
#include <sstream>

#if defined(_GLIBCXX_RELEASE) && _GLIBCXX_USE_CXX11_ABI
#if _GLIBCXX_RELEASE >= 9
template std::basic_stringstream<char>::basic_stringstream();  // inline before GCC 9
#endif
#if _GLIBCXX_RELEASE >= 11
// Called where a std::vector would grow beyond what an address can say. The linker keeps it to this library.
void std::__throw_bad_array_new_length() { throw std::bad_array_new_length(); }
#endif
#endif
