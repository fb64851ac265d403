# Compiles the package for those who work on it: only what a change reaches, wherever it is. `make develop` calls this.
# An ordinary installation goes through a tarball, because R's own rules do not see which headers a unit includes.
# Variables: BUILD (where to); CXX, CXXFLAGS, CPPFLAGS, LIBS come from R CMD config.

RCMD ?= R CMD
config = $(shell $(RCMD) config $(1))
CXX := $(call config,CXX17) $(call config,CXX17STD)
FLAGS := $(call config,CXX17FLAGS) $(call config,CXX17PICFLAGS) -DNDEBUG $(call config,--cppflags) -Iinst/include $(PACKAGES:%=-isystem %)
objects := $(patsubst src/%.cpp,$(BUILD)/%.o,$(wildcard src/*.cpp src/engine/*/*.cpp))

$(BUILD)/henderson.so: $(objects)
	$(CXX) -shared -o $@ $^ $(call config,--ldflags)

$(BUILD)/%.o: src/%.cpp
	@mkdir -p $(dir $@)
	$(CXX) $(FLAGS) -MMD -MP -c $< -o $@

-include $(objects:.o=.d)
