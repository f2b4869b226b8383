using System.Runtime.CompilerServices;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Kernels;

/// <summary>How a channels-last image is cut into tiles for <see cref="WinogradTransform"/>: 6x6 pixels, which overlap by two, for 4x4 results.</summary>
internal sealed unsafe class WinogradTiles
{
    private readonly Shape _input;
    private readonly ConvolutionParameters _parameters;
    private readonly RowFormat _data;
    private readonly long _pixelBytes;
    private readonly int _upsampling;

    /// <summary>Cuts images of shape [N,H,W,C].</summary>
    /// <param name="input">The shape of what is convolved.</param>
    /// <param name="parameters">The geometry: 3x3, stride 1.</param>
    /// <param name="types">How pixels are stored.</param>
    /// <param name="isUpsampled">Whether the data has half the height and width, and each of its pixels stands for four.</param>
    public WinogradTiles(Shape input, ConvolutionParameters parameters, StorageTypes types, bool isUpsampled)
    {
        _input = input;
        _parameters = parameters;
        _data = types.Data;
        _upsampling = isUpsampled ? 1 : 0;
        Channels = (int)input[3];
        _pixelBytes = _data.Bytes(Channels);
        OutputHeight = (int)input[1] + parameters.PaddingTop + parameters.PaddingBottom - 2;
        OutputWidth = (int)input[2] + parameters.PaddingLeft + parameters.PaddingRight - 2;
        RowsOfImage = (OutputHeight + WinogradTransform.TileOutputs - 1) / WinogradTransform.TileOutputs;
        Columns = (OutputWidth + WinogradTransform.TileOutputs - 1) / WinogradTransform.TileOutputs;
        Rows = (int)input[0] * RowsOfImage;
        Count = Rows * Columns;
    }

    /// <summary>The channels of a pixel.</summary>
    public int Channels { get; }

    /// <summary>The height of the result.</summary>
    public int OutputHeight { get; }

    /// <summary>The width of the result.</summary>
    public int OutputWidth { get; }

    /// <summary>Rows of tiles in all images.</summary>
    public int Rows { get; }

    /// <summary>Tiles in a row.</summary>
    public int Columns { get; }

    /// <summary>Tiles in all images.</summary>
    public int Count { get; }

    private int RowsOfImage { get; }

    /// <summary>Whether a convolution is one that the algorithm is for: 3x3, stride 1, without dilation and groups.</summary>
    public static bool Fit(ConvolutionParameters parameters) =>
        parameters is { KernelHeight: 3, KernelWidth: 3, StrideHeight: 1, StrideWidth: 1, DilationHeight: 1, DilationWidth: 1, Groups: 1 };

    /// <summary>Finds the pixels of a tile.</summary>
    /// <param name="images">The first byte of the first image.</param>
    /// <param name="tile">The tile.</param>
    /// <param name="firstChannel">The first channel that is wanted.</param>
    /// <param name="channels">The number of channels that are wanted.</param>
    /// <param name="rows">The rows of pixels that are wanted, as bits.</param>
    /// <param name="zeros">As many zeros as there are channels: what lies outside of the image.</param>
    /// <param name="expanded">Memory for 36 pixels in single precision, where they are stored in another format.</param>
    /// <param name="pixels">Receives 36 addresses, row by row; those of rows that are not wanted stay as they are.</param>
    public void FindPixels(byte* images, int tile, int firstChannel, int channels, int rows, float* zeros, float* expanded, float** pixels)
    {
        (int height, int width) = ((int)_input[1], (int)_input[2]);
        (int image, int tileRow, int tileColumn) = Place(tile);
        byte* data = images + (long)image * (height >> _upsampling) * (width >> _upsampling) * _pixelBytes + _data.Bytes(firstChannel);
        int top = tileRow * WinogradTransform.TileOutputs - _parameters.PaddingTop;
        int left = tileColumn * WinogradTransform.TileOutputs - _parameters.PaddingLeft;
        for (int i = 0; i < WinogradTransform.Positions; i++)
        {
            (int row, int column) = (i / WinogradTransform.TileInputs, i % WinogradTransform.TileInputs);
            if ((rows >> row & 1) == 0)
            {
                continue;
            }

            (int y, int x) = (top + row, left + column);
            pixels[i] = zeros;
            if ((uint)y < (uint)height && (uint)x < (uint)width)
            {
                byte* pixel = data + ((long)(y >> _upsampling) * (width >> _upsampling) + (x >> _upsampling)) * _pixelBytes;
                pixels[i] = (float*)pixel;
                if (!_data.IsSingle)
                {
                    pixels[i] = expanded + i * channels;
                    _data.Expand(pixel, pixels[i], channels);
                }
            }
        }
    }

    /// <summary>Measures the pixels of neighbouring tiles, each once.</summary>
    /// <param name="images">The first byte of the first image.</param>
    /// <param name="first">The first tile.</param>
    /// <param name="row">The row of pixels in these tiles.</param>
    /// <param name="count">The number of pixels in the row.</param>
    /// <param name="magnitudes">Receives for each pixel the bits of its largest magnitude, which have the order of magnitudes; 0 outside of the image.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Measure(byte* images, int first, int row, int count, int* magnitudes)
    {
        (int height, int width) = ((int)_input[1], (int)_input[2]);
        (int image, int tileRow, int tileColumn) = Place(first);
        int y = tileRow * WinogradTransform.TileOutputs - _parameters.PaddingTop + row;
        int left = tileColumn * WinogradTransform.TileOutputs - _parameters.PaddingLeft;
        new Span<int>(magnitudes, count).Clear();
        if ((uint)y >= (uint)height)
        {
            return;
        }

        byte* pixels = images + ((long)image * (height >> _upsampling) + (y >> _upsampling)) * (width >> _upsampling) * _pixelBytes;
        byte* last = null;
        for (int column = Math.Max(0, -left); column < Math.Min(count, width - left); column++)
        {
            byte* pixel = pixels + (left + column >> _upsampling) * _pixelBytes;
            magnitudes[column] = pixel == last ? magnitudes[column - 1] : _data.Magnitude(pixel, Channels);
            last = pixel;
        }
    }

    /// <summary>How many bytes before the data results may begin that are written strip by strip over it: what a strip writes, no tile of it reads.</summary>
    /// <param name="rows">The rows of tiles in a strip.</param>
    /// <param name="resultBytes">The bytes of a pixel of the results.</param>
    public long Lead(int rows, long resultBytes)
    {
        long lead = 0;
        for (int first = 0; first < Rows; first += rows)
        {
            int last = Math.Min(first + rows, Rows) - 1;
            long read = long.MaxValue;
            for (int row = first; row <= last; row++)
            {
                (int image, int imageRow, _) = Place(row * Columns);
                int top = Math.Max(0, imageRow * WinogradTransform.TileOutputs - _parameters.PaddingTop);
                read = Math.Min(read, ((long)image * ((int)_input[1] >> _upsampling) + (top >> _upsampling)) * ((int)_input[2] >> _upsampling) * _pixelBytes);
            }

            (long pixel, int height, _) = Results(last * Columns);
            lead = Math.Max(lead, (pixel + (long)height * OutputWidth) * resultBytes - read);
        }

        return lead;
    }

    /// <summary>Where the results of a tile lie.</summary>
    /// <param name="tile">The tile.</param>
    /// <returns>The number of its first pixel among those of all results, and how many rows and columns of the tile lie inside of the image.</returns>
    public (long Pixel, int Rows, int Columns) Results(int tile)
    {
        (int image, int tileRow, int tileColumn) = Place(tile);
        int top = tileRow * WinogradTransform.TileOutputs;
        int left = tileColumn * WinogradTransform.TileOutputs;
        return (((long)image * OutputHeight + top) * OutputWidth + left, Math.Min(WinogradTransform.TileOutputs, OutputHeight - top), Math.Min(WinogradTransform.TileOutputs, OutputWidth - left));
    }

    private (int Image, int Row, int Column) Place(int tile)
    {
        (int line, int column) = Math.DivRem(tile, Columns);
        (int image, int row) = Math.DivRem(line, RowsOfImage);
        return (image, row, column);
    }
}
