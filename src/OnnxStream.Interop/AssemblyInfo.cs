using System.Runtime.CompilerServices;

// XNNPACK calls back with C's bool, which is only passed as it is without runtime marshalling.
[assembly: DisableRuntimeMarshalling]
