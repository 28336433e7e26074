// SwiftPM resolves a dependency only if a target uses it; the plugins are products of the dependencies.
