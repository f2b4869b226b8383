using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>What a product of 8-bit integers is made of. Scales and zero points of data and results have one element.</summary>
/// <param name="Data">uint8 or int8.</param>
/// <param name="Weight">uint8 or int8: a matrix, or the weight of a convolution.</param>
internal sealed record QuantizedOperands(Value Data, Value Weight)
{
    /// <summary>The scale of the data; null for 1.</summary>
    public Value? Scale { get; init; }

    /// <summary>The zero point of the data, of its type; null for 0.</summary>
    public Value? Zero { get; init; }

    /// <summary>The scale of the weight, or one for each output channel; null for 1.</summary>
    public Value? WeightScale { get; init; }

    /// <summary>The zero point of the weight, or one for each output channel, of its type; null for 0.</summary>
    public Value? WeightZero { get; init; }

    /// <summary>A single-precision number for each output channel, in the unit of the results before they are quantized; null for none.</summary>
    public Value? Bias { get; init; }

    /// <summary>The scale of the results; null for 1.</summary>
    public Value? ResultScale { get; init; }

    /// <summary>The zero point of the results, of their type; null for 0.</summary>
    public Value? ResultZero { get; init; }

    /// <summary>The inputs of a <see cref="QuantizedProduct"/>.</summary>
    public Value?[] Inputs
    {
        get
        {
            Value?[] inputs = [Data, Scale, Zero, Weight, WeightScale, WeightZero, Bias, ResultScale, ResultZero];
            return inputs[..(Array.FindLastIndex(inputs, input => input is not null) + 1)];
        }
    }

    /// <summary>Those of a <see cref="QuantizedProduct"/>.</summary>
    public static QuantizedOperands Of(Node product)
    {
        return new QuantizedOperands(Input(0)!, Input(3)!)
        {
            Scale = Input(1),
            Zero = Input(2),
            WeightScale = Input(4),
            WeightZero = Input(5),
            Bias = Input(6),
            ResultScale = Input(7),
            ResultZero = Input(8),
        };

        Value? Input(int index) => index < product.Inputs.Length ? product.Inputs[index] : null;
    }
}
