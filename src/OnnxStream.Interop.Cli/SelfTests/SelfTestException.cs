namespace OnnxStream.Interop.Cli.SelfTests;

/// <summary>Results on this machine are not what they should be.</summary>
internal sealed class SelfTestException(string message) : Exception(message);
