namespace OnnxStream.Interop.Cli;

/// <summary>The command line asks for something that makes no sense, seen only after it was parsed.</summary>
internal sealed class UsageException(string message) : Exception(message);
