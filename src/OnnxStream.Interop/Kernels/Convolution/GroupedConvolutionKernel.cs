using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;

namespace OnnxStream.Interop.Kernels;

/// <summary>Two-dimensional convolution of channels-last images in groups of a few channels, as many out as in: [N,H,W,C] to [N,H',W',C].</summary>
/// <remarks>
/// <para>
/// XNNPACK computes a group at a time, in vectors of 8 to 32 outputs: with four channels in a group, most of each vector is thrown away. Here a
/// vector holds the outputs of as many groups as fit, and its elements are spread so that each output meets the inputs of its own group.
/// Some neighbours in a row are computed together, for which a weight is read once. Inputs of the step: data, weight, then the bias if there is one.
/// </para>
/// <para>
/// Groups of one channel are XNNPACK's where the kernel has as many elements as one of its loops (<see cref="HasLoop"/>). For fewer it
/// multiplies spare neighbours by zero, which gives NaN where they are infinite; for more it computes channel by channel.
/// </para>
/// </remarks>
internal static class GroupedConvolutionKernel
{
    /// <summary>Whether a convolution can be computed like this: groups of 2, 4, 8 or 16 channels, of which a vector holds whole ones, or of one.</summary>
    public static bool Supports(ConvolutionParameters parameters, long channels, long outputs)
    {
        long group = channels / parameters.Groups;
        return channels == outputs && (group == 1 ? !HasLoop(parameters) : group is 2 or 4 or 8 or 16 && group <= Lanes && channels % Lanes == 0);
    }

    /// <summary>Makes the kernel for an input of shape [N,H,W,C]; <see cref="Supports"/> must hold.</summary>
    /// <param name="weights">The weight.</param>
    /// <param name="hasBias">Whether there is a bias.</param>
    /// <param name="input">The input's shape.</param>
    /// <param name="parameters">The geometry.</param>
    /// <param name="types">How far rows of results are apart; numbers are single precision.</param>
    /// <param name="isConstant">Whether the weight is the same in every run.</param>
    public static Kernel Create(PanelWeights weights, bool hasBias, Shape input, ConvolutionParameters parameters, StorageTypes types, bool isConstant) => Math.Min(Lanes, input[3]) switch
    {
        >= 16 => new GroupedConvolutionKernel<GroupVector16, Vector512<float>, Vector512<int>>(weights, hasBias, input, parameters, types, isConstant),
        >= 8 => new GroupedConvolutionKernel<GroupVector8, Vector256<float>, Vector256<int>>(weights, hasBias, input, parameters, types, isConstant),
        >= 4 => new GroupedConvolutionKernel<GroupVector4, Vector128<float>, Vector128<int>>(weights, hasBias, input, parameters, types, isConstant),
        _ => new GroupedConvolutionKernel<GroupVector1, float, int>(weights, hasBias, input, parameters, types, isConstant),
    };

    private static int Lanes => Vector512.IsHardwareAccelerated ? 16 : Vector256.IsHardwareAccelerated ? 8 : 4;

    // XNNPACK's depthwise loops, and its multiplication of channels by a number each.
    private static bool HasLoop(ConvolutionParameters parameters) =>
        parameters.KernelHeight * parameters.KernelWidth is 3 or 4 or 9 or 25 ||
        parameters is { KernelHeight: 1, KernelWidth: 1, StrideHeight: 1, StrideWidth: 1, PaddingTop: 0, PaddingLeft: 0, PaddingBottom: 0, PaddingRight: 0 };
}

/// <summary><see cref="GroupedConvolutionKernel"/> for vectors of one width.</summary>
internal sealed unsafe class GroupedConvolutionKernel<TLanes, TVector, TIndices> : RowKernel
    where TLanes : IGroupVector<TVector, TIndices>
    where TVector : unmanaged
    where TIndices : unmanaged
{
    // Sizes of images are multiples of seven in many networks; seven sums, their inputs and what they share fit the registers.
    private const int Neighbours = 7;

    private readonly PanelWeights _weights;
    private readonly bool _hasBias;
    private readonly bool _isConstant;
    private readonly ConvolutionParameters _parameters;
    private readonly int _height;
    private readonly int _width;
    private readonly int _channels;
    private readonly long _stride;
    private readonly int _outputHeight;
    private readonly int _outputWidth;
    private readonly int _group;
    private readonly int _taps;

    // As many channels as a vector has elements; the last block overlaps the one before where the channels are no whole blocks.
    private readonly int _blocks;

    // For each channel of a group where it is in a vector, as many zeros as a vector has elements, then [block of channels, tap, channel of the group, output].
    private readonly NativeBuffer _packed;
    private bool _isPacked;

    /// <summary>Makes the kernel. The parameters are those of <see cref="GroupedConvolutionKernel.Create"/>.</summary>
    public GroupedConvolutionKernel(PanelWeights weights, bool hasBias, Shape input, ConvolutionParameters parameters, StorageTypes types, bool isConstant)
        : base(input[0] * parameters.OutputHeight(input[1]), parameters.OutputWidth(input[2]) * weights.Outputs * weights.PerOutput)
    {
        _weights = weights;
        _hasBias = hasBias;
        _isConstant = isConstant;
        _parameters = parameters;
        (_height, _width, _channels) = ((int)input[1], (int)input[2], (int)input[3]);
        _stride = types.ResultStride(weights.Outputs);
        (_outputHeight, _outputWidth) = ((int)parameters.OutputHeight(_height), (int)parameters.OutputWidth(_width));
        _taps = checked(parameters.KernelHeight * parameters.KernelWidth);
        _group = (int)weights.PerOutput / _taps;
        Flops = 2 * input[0] * _outputHeight * _outputWidth * weights.Outputs * weights.PerOutput;
        _blocks = (_channels + TLanes.Count - 1) / TLanes.Count;
        _packed = new NativeBuffer(checked((_group + 1) * TLanes.Count * sizeof(float) + _blocks * TLanes.Count * weights.PerOutput * sizeof(float)));
        for (int i = 0; i < (_group + 1) * TLanes.Count; i++)
        {
            (int channel, int lane) = Math.DivRem(i, TLanes.Count);
            ((int*)_packed.Pointer)[i] = channel == _group ? 0 : lane / _group * _group + channel;
        }
    }

    /// <inheritdoc/>
    public override string Name => "convolution of small groups";

    /// <inheritdoc/>
    public override long Flops { get; }

    /// <inheritdoc/>
    public override long ScratchBytes => _weights.GatherBytes(_weights.Outputs);

    private int* Indices => (int*)_packed.Pointer;

    private float* Zeros => (float*)_packed.Pointer + _group * TLanes.Count;

    private float* Packed => Zeros + TLanes.Count;

    /// <inheritdoc/>
    protected override void Check(KernelContext context)
    {
        if (_isPacked)
        {
            return;
        }

        float* numbers = _weights.Gather(context.Input(1), 0, _weights.Outputs, (float*)context.Scratch);
        float* packed = Packed;
        for (int block = 0; block < _blocks; block++)
        {
            for (int i = 0; i < _taps * _group; i++)
            {
                for (int lane = 0; lane < TLanes.Count; lane++)
                {
                    *packed++ = numbers[(FirstChannel(block) + lane) * _weights.PerOutput + i];
                }
            }
        }

        _isPacked = _isConstant;
    }

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        float* bias = _hasBias ? (float*)context.Input(2) : null;
        for (long row = first; row < end; row++)
        {
            (long item, long y) = Math.DivRem(row, _outputHeight);
            float* image = (float*)context.Input(0) + item * _height * _width * _channels;
            float* results = (float*)context.Output(0) + row * _outputWidth * _stride;
            for (int block = 0; block < _blocks; block++)
            {
                int channel = FirstChannel(block);
                ComputeRow(image + channel, Packed + (long)block * TLanes.Count * _weights.PerOutput, bias is null ? Zeros : bias + channel, results + channel, (int)y);
            }
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _packed.Dispose();
        base.Dispose(disposing);
    }

    // A plan may run only a few times: the loops do not wait for the runtime to find out that they are hot.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ComputeRow(float* image, float* weights, float* bias, float* results, int y)
    {
        int top = y * _parameters.StrideHeight - _parameters.PaddingTop;
        int x = 0;
        for (; x <= _outputWidth - Neighbours; x += Neighbours)
        {
            ComputeNeighbours(image, weights, bias, results + x * _stride, top, x * _parameters.StrideWidth - _parameters.PaddingLeft);
        }

        if (x < _outputWidth && _outputWidth >= Neighbours)
        {
            // The last ones, some of them again.
            x = _outputWidth - Neighbours;
            ComputeNeighbours(image, weights, bias, results + x * _stride, top, x * _parameters.StrideWidth - _parameters.PaddingLeft);
            return;
        }

        for (; x < _outputWidth; x++)
        {
            ComputeOne(image, weights, bias, results + x * _stride, top, x * _parameters.StrideWidth - _parameters.PaddingLeft);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ComputeNeighbours(float* image, float* weights, float* bias, float* results, int top, int left)
    {
        int lanes = TLanes.Count;
        int group = _group;
        int* indices = Indices;
        float* zeros = Zeros;
        long stride = (long)_parameters.StrideWidth * _channels;
        TVector sum0 = TLanes.Load(bias);
        TVector sum1 = sum0, sum2 = sum0, sum3 = sum0, sum4 = sum0, sum5 = sum0, sum6 = sum0;
        for (int i = 0; i < _parameters.KernelHeight; i++)
        {
            int row = top + i * _parameters.DilationHeight;
            if ((uint)row >= (uint)_height)
            {
                weights += _parameters.KernelWidth * group * lanes;
                continue;
            }

            for (int k = 0; k < _parameters.KernelWidth; k++)
            {
                int column = left + k * _parameters.DilationWidth;
                float* pixel0 = image + ((long)row * _width + column) * _channels;
                float* pixel1 = pixel0 + stride;
                float* pixel2 = pixel1 + stride;
                float* pixel3 = pixel2 + stride;
                float* pixel4 = pixel3 + stride;
                float* pixel5 = pixel4 + stride;
                float* pixel6 = pixel5 + stride;
                if (column < 0 || column + (Neighbours - 1) * _parameters.StrideWidth >= _width)
                {
                    pixel0 = IsInside(column, 0) ? pixel0 : zeros;
                    pixel1 = IsInside(column, 1) ? pixel1 : zeros;
                    pixel2 = IsInside(column, 2) ? pixel2 : zeros;
                    pixel3 = IsInside(column, 3) ? pixel3 : zeros;
                    pixel4 = IsInside(column, 4) ? pixel4 : zeros;
                    pixel5 = IsInside(column, 5) ? pixel5 : zeros;
                    pixel6 = IsInside(column, 6) ? pixel6 : zeros;
                }

                if (group == lanes)
                {
                    for (int channel = 0; channel < group; channel++, weights += lanes)
                    {
                        TVector weight = TLanes.Load(weights);
                        sum0 = TLanes.MultiplyAdd(TLanes.Broadcast(pixel0[channel]), weight, sum0);
                        sum1 = TLanes.MultiplyAdd(TLanes.Broadcast(pixel1[channel]), weight, sum1);
                        sum2 = TLanes.MultiplyAdd(TLanes.Broadcast(pixel2[channel]), weight, sum2);
                        sum3 = TLanes.MultiplyAdd(TLanes.Broadcast(pixel3[channel]), weight, sum3);
                        sum4 = TLanes.MultiplyAdd(TLanes.Broadcast(pixel4[channel]), weight, sum4);
                        sum5 = TLanes.MultiplyAdd(TLanes.Broadcast(pixel5[channel]), weight, sum5);
                        sum6 = TLanes.MultiplyAdd(TLanes.Broadcast(pixel6[channel]), weight, sum6);
                    }

                    continue;
                }

                if (group == 1)
                {
                    TVector weight = TLanes.Load(weights);
                    weights += lanes;
                    sum0 = TLanes.MultiplyAdd(TLanes.Load(pixel0), weight, sum0);
                    sum1 = TLanes.MultiplyAdd(TLanes.Load(pixel1), weight, sum1);
                    sum2 = TLanes.MultiplyAdd(TLanes.Load(pixel2), weight, sum2);
                    sum3 = TLanes.MultiplyAdd(TLanes.Load(pixel3), weight, sum3);
                    sum4 = TLanes.MultiplyAdd(TLanes.Load(pixel4), weight, sum4);
                    sum5 = TLanes.MultiplyAdd(TLanes.Load(pixel5), weight, sum5);
                    sum6 = TLanes.MultiplyAdd(TLanes.Load(pixel6), weight, sum6);
                    continue;
                }

                TVector value0 = TLanes.Load(pixel0);
                TVector value1 = TLanes.Load(pixel1);
                TVector value2 = TLanes.Load(pixel2);
                TVector value3 = TLanes.Load(pixel3);
                TVector value4 = TLanes.Load(pixel4);
                TVector value5 = TLanes.Load(pixel5);
                TVector value6 = TLanes.Load(pixel6);
                for (int channel = 0; channel < group; channel++, weights += lanes)
                {
                    TVector weight = TLanes.Load(weights);
                    TIndices spread = TLanes.Load(indices + channel * lanes);
                    sum0 = TLanes.MultiplyAdd(TLanes.Select(value0, spread), weight, sum0);
                    sum1 = TLanes.MultiplyAdd(TLanes.Select(value1, spread), weight, sum1);
                    sum2 = TLanes.MultiplyAdd(TLanes.Select(value2, spread), weight, sum2);
                    sum3 = TLanes.MultiplyAdd(TLanes.Select(value3, spread), weight, sum3);
                    sum4 = TLanes.MultiplyAdd(TLanes.Select(value4, spread), weight, sum4);
                    sum5 = TLanes.MultiplyAdd(TLanes.Select(value5, spread), weight, sum5);
                    sum6 = TLanes.MultiplyAdd(TLanes.Select(value6, spread), weight, sum6);
                }
            }
        }

        TVector least = TLanes.Broadcast(_parameters.Low);
        TVector greatest = TLanes.Broadcast(_parameters.High);
        TLanes.Store(sum0, least, greatest, results);
        TLanes.Store(sum1, least, greatest, results + _stride);
        TLanes.Store(sum2, least, greatest, results + 2 * _stride);
        TLanes.Store(sum3, least, greatest, results + 3 * _stride);
        TLanes.Store(sum4, least, greatest, results + 4 * _stride);
        TLanes.Store(sum5, least, greatest, results + 5 * _stride);
        TLanes.Store(sum6, least, greatest, results + 6 * _stride);
    }

    // In images that are less wide than the neighbours.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ComputeOne(float* image, float* weights, float* bias, float* result, int top, int left)
    {
        TVector sum = TLanes.Load(bias);
        for (int i = 0; i < _parameters.KernelHeight; i++)
        {
            int row = top + i * _parameters.DilationHeight;
            for (int k = 0; k < _parameters.KernelWidth; k++)
            {
                int column = left + k * _parameters.DilationWidth;
                if ((uint)row >= (uint)_height || (uint)column >= (uint)_width)
                {
                    weights += _group * TLanes.Count;
                    continue;
                }

                TVector value = TLanes.Load(image + ((long)row * _width + column) * _channels);
                for (int channel = 0; channel < _group; channel++, weights += TLanes.Count)
                {
                    sum = TLanes.MultiplyAdd(TLanes.Select(value, TLanes.Load(Indices + channel * TLanes.Count)), TLanes.Load(weights), sum);
                }
            }
        }

        TLanes.Store(sum, TLanes.Broadcast(_parameters.Low), TLanes.Broadcast(_parameters.High), result);
    }

    private int FirstChannel(int block) => Math.Min(block * TLanes.Count, _channels - TLanes.Count);

    private bool IsInside(int column, int neighbour) => (uint)(column + neighbour * _parameters.StrideWidth) < (uint)_width;
}
