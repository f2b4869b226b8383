using System.Runtime.CompilerServices;

// Every type in an import is blittable: nothing is converted on the way, and AOT needs no stubs.
[assembly: DisableRuntimeMarshalling]
