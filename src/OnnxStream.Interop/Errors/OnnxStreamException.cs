namespace OnnxStream.Interop;

/// <summary>The base of what this library throws: something that its user can see and act on.</summary>
/// <remarks>Wrong arguments are reported with .NET's own <see cref="ArgumentException"/> family.</remarks>
public abstract class OnnxStreamException : Exception
{
    private protected OnnxStreamException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}

/// <summary>A model file, a weight file or a tensor file is not what its format demands.</summary>
public sealed class ModelFormatException : OnnxStreamException
{
    /// <summary>Says what is wrong in which file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="message">What was expected and what was found, with the place in the file.</param>
    /// <param name="innerException">What was thrown below, if anything.</param>
    public ModelFormatException(string path, string message, Exception? innerException = null)
        : base($"{path}: {message}", innerException) => Path = path;

    /// <summary>The file.</summary>
    public string Path { get; }
}

/// <summary>The graph of a model contradicts itself or the inputs: wrong types, shapes or attributes.</summary>
public sealed class InvalidGraphException : OnnxStreamException
{
    /// <summary>Says what is wrong with the graph.</summary>
    public InvalidGraphException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}

/// <summary>The model uses operators, or versions or variants of operators, that are not supported.</summary>
public sealed class UnsupportedOperatorException : OnnxStreamException
{
    /// <summary>Lists what is not supported.</summary>
    public UnsupportedOperatorException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}

/// <summary>An input is missing, unknown, or of another type or shape than the model declares, or leads to an index that does not exist.</summary>
public sealed class InvalidInputException : OnnxStreamException
{
    /// <summary>Says which input is wrong and what was expected.</summary>
    public InvalidInputException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}

/// <summary>Weights could not be read.</summary>
public sealed class WeightsException : OnnxStreamException
{
    /// <summary>Says which weight could not be read and why.</summary>
    public WeightsException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}

/// <summary>Native memory could not be had.</summary>
public sealed class NativeMemoryException : OnnxStreamException
{
    /// <summary>Says how many bytes were asked for.</summary>
    /// <param name="bytes">The bytes that were asked for.</param>
    public NativeMemoryException(long bytes)
        : this(bytes, $"The operating system did not give {bytes:N0} bytes of native memory.")
    {
    }

    internal NativeMemoryException(long bytes, string message)
        : base(message) => Bytes = bytes;

    /// <summary>The bytes that were asked for; 0 where a native library did not say.</summary>
    public long Bytes { get; }
}

/// <summary>A function of XNNPACK failed.</summary>
public sealed class XnnpackException : OnnxStreamException
{
    /// <summary>Says which function returned which status for which node.</summary>
    public XnnpackException(string function, string status, string details)
        : base($"{function} returned {status}{(details.Length == 0 ? "" : $" for {details}")}.")
    {
        Function = function;
        Status = status;
    }

    /// <summary>The C function.</summary>
    public string Function { get; }

    /// <summary>The status that it returned.</summary>
    public string Status { get; }
}

/// <summary>The error that was asked for cannot be reached with the types of panels that are allowed.</summary>
public sealed class TargetErrorException : OnnxStreamException
{
    /// <summary>Says what was asked for and what can be reached.</summary>
    /// <param name="targetError">The error that was asked for.</param>
    /// <param name="smallestError">The smallest one that was measured.</param>
    /// <param name="message">What failed, and what to do.</param>
    public TargetErrorException(double targetError, double smallestError, string message)
        : base(message)
    {
        TargetError = targetError;
        SmallestError = smallestError;
    }

    /// <summary>The error that was asked for, as a part of the root mean square of the outputs.</summary>
    public double TargetError { get; }

    /// <summary>The smallest error that can be reached, likewise; NaN or infinite where results are not numbers.</summary>
    public double SmallestError { get; }
}

/// <summary>The memory budget of a session cannot be met, or, without one, the machine has too little memory.</summary>
public sealed class MemoryBudgetException : OnnxStreamException
{
    /// <summary>Says what was allowed and what is needed at least.</summary>
    /// <param name="budgetBytes">The budget.</param>
    /// <param name="smallestBudgetBytes">The smallest one that can be met.</param>
    public MemoryBudgetException(long budgetBytes, long smallestBudgetBytes)
        : base($"The memory budget of {budgetBytes:N0} bytes is too small: this model with inputs of these shapes needs at least {smallestBudgetBytes:N0} bytes.")
    {
        BudgetBytes = budgetBytes;
        SmallestBudgetBytes = smallestBudgetBytes;
    }

    /// <summary>Says that there is no budget, but less memory than is needed.</summary>
    internal MemoryBudgetException(long machineBytes, long smallestBudgetBytes, long neededBytes)
        : base($"This model with inputs of these shapes needs {neededBytes:N0} bytes, its outputs included, but the machine (or the container) has {machineBytes:N0}. If that is what you want, say so with a MemoryBudget.")
    {
        BudgetBytes = machineBytes;
        SmallestBudgetBytes = smallestBudgetBytes;
    }

    /// <summary>The budget; the memory of the machine where none was given.</summary>
    public long BudgetBytes { get; }

    /// <summary>The smallest budget that can be met.</summary>
    public long SmallestBudgetBytes { get; }
}
