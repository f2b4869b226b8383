namespace OnnxStream.Interop.Fleet;

/// <summary>The queue of a fleet cannot be used.</summary>
/// <param name="message">What is wrong, where, and what to do.</param>
/// <param name="innerException">What led to it.</param>
public sealed class FleetException(string message, Exception? innerException = null) : IOException(message, innerException)
{
    /// <summary>Whether the queue was there and would refuse the same again.</summary>
    internal bool IsRefusal { get; init; }
}
