// One unit of an ordinary build: most of the time of a unit goes into the templates that its files share.
#include "likelihood/gradient.cpp"
#include "likelihood/moments_dense.cpp"
#include "likelihood/moments_large.cpp"
#include "likelihood/moments_leading.cpp"
#include "likelihood/moments_root.cpp"
