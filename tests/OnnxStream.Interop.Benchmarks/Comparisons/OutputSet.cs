using System.Numerics.Tensors;
using OnnxStream.Interop.Benchmarks.Engines;
using OnnxStream.Interop.Cli.Tensors;

namespace OnnxStream.Interop.Benchmarks.Comparisons;

/// <summary>The outputs of a run.</summary>
internal sealed class OutputSet(IReadOnlyDictionary<string, TensorBuffer> tensors)
{
    private readonly IReadOnlyDictionary<string, TensorBuffer> _tensors = tensors;

    /// <summary>Reads the outputs of a process back from their files.</summary>
    public OutputSet(EngineReport report)
        : this(report.Outputs.ToDictionary(output => output.Name, output => NpyFile.Load(output.File)))
    {
    }

    /// <summary>The root mean square of the difference, divided by that of what is expected; of the worst output. Integers are the same, or it is infinite.</summary>
    public double RelativeErrorTo(OutputSet expected) => expected._tensors.Max(pair =>
    {
        TensorBuffer actual = _tensors[pair.Key];
        if (actual.Type != pair.Value.Type)
        {
            throw new InvalidDataException($"The output '{pair.Key}' is {actual.Type}; expected {pair.Value.Type}.");
        }

        if (actual.ElementType is not (ElementType.Float32 or ElementType.Float16))
        {
            return actual.Bytes.SequenceEqual(pair.Value.Bytes) ? 0 : double.PositiveInfinity;
        }

        float[] numbers = Numbers(pair.Value);
        return (double)TensorPrimitives.Distance<float>(Numbers(actual), numbers) / TensorPrimitives.Norm<float>(numbers);
    });

    private static float[] Numbers(TensorBuffer tensor)
    {
        float[] numbers = new float[tensor.Shape.ElementCount];
        if (tensor.ElementType == ElementType.Float16)
        {
            TensorPrimitives.ConvertToSingle(tensor.Span<Half>(), numbers);
        }
        else
        {
            tensor.Span<float>().CopyTo(numbers);
        }

        return numbers;
    }
}
