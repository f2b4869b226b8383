using System.Numerics;
using System.Numerics.Tensors;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Kernels;

/// <summary>The kinds of recurrent layers.</summary>
internal enum RecurrentCell
{
    Simple,
    Gru,
    Lstm,
}

/// <summary>A recurrent layer: sizes, functions, and which tensors of the step are what.</summary>
internal sealed record RecurrentLayer
{
    /// <summary>The kind of cell.</summary>
    public required RecurrentCell Cell { get; init; }

    /// <summary>The number of time steps.</summary>
    public required long Steps { get; init; }

    /// <summary>The number of sequences.</summary>
    public required long Batch { get; init; }

    /// <summary>The number of elements of a state.</summary>
    public required int Hidden { get; init; }

    /// <summary>For each direction, whether it runs from the end to the start.</summary>
    public required bool[] IsReverse { get; init; }

    /// <summary>The activations of all directions, one after the other.</summary>
    public required RecurrentActivation[] Activations { get; init; }

    /// <summary>Bounds of what goes into activations; 0 for none.</summary>
    public double Clip { get; init; }

    /// <summary>GRU: whether the reset gate works on the product of state and weight rather than on the state.</summary>
    public bool ResetsLate { get; init; }

    /// <summary>LSTM: whether the forget gate is one minus the input gate.</summary>
    public bool CouplesForget { get; init; }

    /// <summary>Whether the batch is the outermost dimension of all tensors.</summary>
    public bool IsBatchFirst { get; init; }

    /// <summary>Whether the states of a time step are rounded to 8 bits, by the range of all of them, before they are multiplied with the recurrent weights.</summary>
    public bool QuantizesStates { get; init; }

    /// <summary>The input with biases; 0 for none.</summary>
    public int Bias { get; init; }

    /// <summary>The input with the lengths of the sequences; 0 if all are full.</summary>
    public int Lengths { get; init; }

    /// <summary>The input with the first states; 0 for zeros.</summary>
    public int InitialState { get; init; }

    /// <summary>The input with the first cell states; 0 for zeros.</summary>
    public int InitialCell { get; init; }

    /// <summary>The input with the weights from cell states to gates; 0 for none.</summary>
    public int Peepholes { get; init; }

    /// <summary>The output with all states; -1 for none.</summary>
    public int AllStates { get; init; }

    /// <summary>The output with the last states; -1 for none.</summary>
    public int LastState { get; init; }

    /// <summary>The output with the last cell states; -1 for none.</summary>
    public int LastCell { get; init; }

    /// <summary>The number of gates.</summary>
    public int Gates => Cell switch
    {
        RecurrentCell.Simple => 1,
        RecurrentCell.Gru => 3,
        _ => 4,
    };

    /// <summary>The number of activations of a direction.</summary>
    public int ActivationsPerDirection => Cell switch
    {
        RecurrentCell.Simple => 1,
        RecurrentCell.Gru => 2,
        _ => 3,
    };
}

/// <summary>The recurrence of RNN, GRU and LSTM layers, one time step after the other, each on all threads.</summary>
/// <remarks>
/// Inputs of the step: the products of all inputs and the input weights, [directions, steps * batch, gates * hidden], then the
/// recurrent weights [directions, gates * hidden, hidden], then what <see cref="RecurrentLayer"/> says.
/// </remarks>
internal sealed unsafe class RecurrentKernel<T, TCompute> : Kernel, IParallelBody
    where T : unmanaged, INumber<T>
    where TCompute : unmanaged, IFloatingPointIeee754<TCompute>
{
    // Below this many multiplications, waking other threads costs more than it brings.
    private const long PieceWork = 32 << 10;

    private readonly RecurrentLayer _layer;
    private readonly int _unitsPerPiece;
    private KernelContext? _context;
    private int _direction;
    private long _step;
    private bool _isSecondPhase;
    private TCompute* _before;
    private TCompute* _after;

    /// <summary>Makes the kernel. <typeparamref name="TCompute"/> is <typeparamref name="T"/>, or single precision for half.</summary>
    public RecurrentKernel(RecurrentLayer layer)
    {
        _layer = layer;
        _unitsPerPiece = (int)Math.Max(1, PieceWork / Math.Max(1, (long)layer.Hidden * layer.Gates));
    }

    /// <inheritdoc/>
    public override string Name => _layer.Cell.ToString();

    /// <inheritdoc/>
    public override long ScratchBytes => ((_layer.QuantizesStates ? 6 : 5) * StateLength + (typeof(T) == typeof(TCompute) ? 0 : WeightLength)) * sizeof(TCompute);

    private long StateLength => _layer.Batch * _layer.Hidden;

    private long WeightLength => (long)_layer.IsReverse.Length * _layer.Gates * _layer.Hidden * _layer.Hidden;

    // Of this direction: cell states, the update gate, and states that the reset gate has worked on.
    private TCompute* Cells => (TCompute*)_context!.Scratch + 2 * StateLength;

    private TCompute* Updates => Cells + StateLength;

    private TCompute* ResetStates => Updates + StateLength;

    private TCompute* ConvertedWeights => ResetStates + StateLength;

    // The states as the recurrent weights see them.
    private TCompute* RoundedStates => ConvertedWeights + (typeof(T) == typeof(TCompute) ? 0 : WeightLength);

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        _context = context;
        CheckLengths(context);
        if (typeof(T) != typeof(TCompute))
        {
            for (long i = 0; i < WeightLength; i++)
            {
                ConvertedWeights[i] = TCompute.CreateTruncating(((T*)context.Input(1))[i]);
            }
        }

        int pieces = checked((int)((StateLength + _unitsPerPiece - 1) / _unitsPerPiece));
        for (_direction = 0; _direction < _layer.IsReverse.Length; _direction++)
        {
            _before = (TCompute*)context.Scratch;
            _after = _before + StateLength;
            Load(_layer.InitialState, _before);
            Load(_layer.InitialCell, Cells);
            for (_step = 0; _step < _layer.Steps; _step++)
            {
                context.CancellationToken.ThrowIfCancellationRequested();
                _isSecondPhase = false;
                if (_layer.QuantizesStates)
                {
                    Round(new ReadOnlySpan<TCompute>(_before, checked((int)StateLength)), new Span<TCompute>(RoundedStates, (int)StateLength));
                }

                context.Workers.Parallelize(this, pieces);
                if (_layer.Cell == RecurrentCell.Gru && !_layer.ResetsLate)
                {
                    _isSecondPhase = true;
                    context.Workers.Parallelize(this, pieces);
                }

                TCompute* swapped = _before;
                _before = _after;
                _after = swapped;
            }

            Store(_layer.LastState, _before);
            Store(_layer.LastCell, Cells);
        }

        _context = null;
    }

    /// <inheritdoc/>
    public void Execute(int index)
    {
        long last = Math.Min((index + 1L) * _unitsPerPiece, StateLength);
        for (long i = (long)index * _unitsPerPiece; i < last; i++)
        {
            (long item, long unit) = Math.DivRem(i, _layer.Hidden);
            long length = LengthOf(item);
            if (_step >= length)
            {
                // Behind the end of a sequence its state stays, and nothing is reported.
                _after[i] = _before[i];
                Report(item, _step, unit, TCompute.Zero);
                continue;
            }

            long time = _layer.IsReverse[_direction] ? length - 1 - _step : _step;
            switch (_layer.Cell)
            {
                case RecurrentCell.Simple:
                    Finish(item, time, unit, Activate(0, Gate(0, item, time, unit, _before)));
                    break;
                case RecurrentCell.Lstm:
                    Finish(item, time, unit, Lstm(item, time, unit));
                    break;
                case RecurrentCell.Gru when _layer.ResetsLate:
                    double update = Activate(0, Gate(0, item, time, unit, _before));
                    double reset = Activate(0, Gate(1, item, time, unit, _before));
                    double candidate = Activate(1, Projected(2, item, time, unit) + Bias(2, unit) + reset * (Recurrent(2, item, unit, _before) + RecurrentBias(2, unit)));
                    Finish(item, time, unit, (1 - update) * candidate + update * double.CreateTruncating(_before[i]));
                    break;
                default:
                    Gru(item, time, unit);
                    break;
            }
        }
    }

    // As DynamicQuantizeLinear and DequantizeLinear would.
    private static void Round(ReadOnlySpan<TCompute> states, Span<TCompute> rounded)
    {
        TCompute least = TCompute.Min(TensorPrimitives.Min(states), TCompute.Zero);
        TCompute most = TCompute.Max(TensorPrimitives.Max(states), TCompute.Zero);
        TCompute largest = TCompute.CreateTruncating(byte.MaxValue);
        TCompute scale = least == most ? TCompute.One : (most - least) / largest;
        TCompute zero = TCompute.Clamp(TCompute.Round(-least / scale), TCompute.Zero, largest);
        TensorPrimitives.Divide(states, scale, rounded);
        TensorPrimitives.Round<TCompute>(rounded, rounded);
        TensorPrimitives.Clamp(rounded, -zero, largest - zero, rounded);
        TensorPrimitives.Multiply(rounded, scale, rounded);
    }

    private double Lstm(long item, long time, long unit)
    {
        TCompute* cell = Cells + item * _layer.Hidden + unit;
        double before = double.CreateTruncating(*cell);
        double input = Activate(0, Gate(0, item, time, unit, _before) + Peephole(0, unit) * before);
        double forget = _layer.CouplesForget ? 1 - input : Activate(0, Gate(2, item, time, unit, _before) + Peephole(2, unit) * before);
        double candidate = Activate(1, Gate(3, item, time, unit, _before));
        double after = forget * before + input * candidate;
        double output = Activate(0, Gate(1, item, time, unit, _before) + Peephole(1, unit) * after);
        *cell = TCompute.CreateTruncating(after);

        // The last activation is not clipped: its argument is no gate.
        return output * _layer.Activations[_direction * _layer.ActivationsPerDirection + 2].Invoke(after);
    }

    // The candidate needs the states of all units after the reset gate: there are two phases.
    private void Gru(long item, long time, long unit)
    {
        long i = item * _layer.Hidden + unit;
        if (!_isSecondPhase)
        {
            Updates[i] = TCompute.CreateTruncating(Activate(0, Gate(0, item, time, unit, _before)));
            ResetStates[i] = TCompute.CreateTruncating(Activate(0, Gate(1, item, time, unit, _before))) * _before[i];
            return;
        }

        double update = double.CreateTruncating(Updates[i]);
        Finish(item, time, unit, (1 - update) * Activate(1, Gate(2, item, time, unit, ResetStates)) + update * double.CreateTruncating(_before[i]));
    }

    private void Finish(long item, long time, long unit, double state)
    {
        TCompute value = TCompute.CreateTruncating(state);
        _after[item * _layer.Hidden + unit] = value;
        Report(item, time, unit, value);
    }

    private double Activate(int index, double x)
    {
        x = _layer.Clip > 0 ? Math.Clamp(x, -_layer.Clip, _layer.Clip) : x;
        return _layer.Activations[_direction * _layer.ActivationsPerDirection + index].Invoke(x);
    }

    private double Gate(int gate, long item, long time, long unit, TCompute* states) =>
        Projected(gate, item, time, unit) + Recurrent(gate, item, unit, states) + Bias(gate, unit) + RecurrentBias(gate, unit);

    private double Projected(int gate, long item, long time, long unit)
    {
        long row = _layer.IsBatchFirst ? item * _layer.Steps + time : time * _layer.Batch + item;
        return double.CreateTruncating(((T*)_context!.Input(0))[((_direction * _layer.Steps * _layer.Batch + row) * _layer.Gates + gate) * _layer.Hidden + unit]);
    }

    private double Recurrent(int gate, long item, long unit, TCompute* states)
    {
        TCompute* weights = typeof(T) == typeof(TCompute) ? (TCompute*)_context!.Input(1) : ConvertedWeights;
        ReadOnlySpan<TCompute> row = new(weights + (((long)_direction * _layer.Gates + gate) * _layer.Hidden + unit) * _layer.Hidden, _layer.Hidden);
        states = _layer.QuantizesStates ? RoundedStates : states;
        return double.CreateTruncating(TensorPrimitives.Dot(row, new ReadOnlySpan<TCompute>(states + item * _layer.Hidden, _layer.Hidden)));
    }

    private double Bias(int gate, long unit) => _layer.Bias == 0 ? 0 : Read(_layer.Bias, ((long)_direction * 2 * _layer.Gates + gate) * _layer.Hidden + unit);

    private double RecurrentBias(int gate, long unit) => Bias(_layer.Gates + gate, unit);

    private double Peephole(int gate, long unit) => _layer.Peepholes == 0 ? 0 : Read(_layer.Peepholes, ((long)_direction * 3 + gate) * _layer.Hidden + unit);

    private double Read(int input, long index) => double.CreateTruncating(((T*)_context!.Input(input))[index]);

    private long LengthOf(long item) => _layer.Lengths == 0 ? _layer.Steps : ((int*)_context!.Input(_layer.Lengths))[item];

    private void CheckLengths(KernelContext context)
    {
        for (long item = 0; item < _layer.Batch; item++)
        {
            if (LengthOf(item) < 0 || LengthOf(item) > _layer.Steps)
            {
                throw new InvalidInputException($"{context.Call.OperatorType} '{context.Call.NodeName}': sequence {item} has a length of {LengthOf(item)}, but there are {_layer.Steps} steps.");
            }
        }
    }

    private void Report(long item, long time, long unit, TCompute value)
    {
        if (_layer.AllStates < 0)
        {
            return;
        }

        long directions = _layer.IsReverse.Length;
        long row = _layer.IsBatchFirst ? (item * _layer.Steps + time) * directions + _direction : (time * directions + _direction) * _layer.Batch + item;
        ((T*)_context!.Output(_layer.AllStates))[row * _layer.Hidden + unit] = T.CreateTruncating(value);
    }

    // A state of one direction lies as [batch, hidden] here, as [directions, batch, hidden] or [batch, directions, hidden] there.
    private long Row(long item) => _layer.IsBatchFirst ? item * _layer.IsReverse.Length + _direction : _direction * _layer.Batch + item;

    private void Load(int input, TCompute* state)
    {
        for (long i = 0; i < StateLength; i++)
        {
            (long item, long unit) = Math.DivRem(i, _layer.Hidden);
            state[i] = input == 0 ? TCompute.Zero : TCompute.CreateTruncating(((T*)_context!.Input(input))[Row(item) * _layer.Hidden + unit]);
        }
    }

    private void Store(int output, TCompute* state)
    {
        for (long i = 0; i < StateLength && output >= 0; i++)
        {
            (long item, long unit) = Math.DivRem(i, _layer.Hidden);
            ((T*)_context!.Output(output))[Row(item) * _layer.Hidden + unit] = T.CreateTruncating(state[i]);
        }
    }
}
