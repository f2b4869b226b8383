using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Extensions.Logging;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Kernels.Managed;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Execution;

/// <summary>Lets the layers of a plan use a panel store, making it first where there is none that fits.</summary>
/// <param name="options">Which store, if any.</param>
/// <param name="modelPath">The model, for those who look at the store.</param>
/// <param name="planOnly">Whether a store that is missing is only thought of.</param>
/// <param name="workers">The threads that pack.</param>
/// <param name="provider">Where unpacked weights come from.</param>
/// <param name="logger">Receives what is done and why; null for nothing.</param>
internal sealed unsafe partial class PanelPacker(PanelStoreOptions options, string modelPath, bool planOnly, WorkerPool workers, WeightsProvider provider, ILogger? logger)
{
    private const long PackingWindowBytes = 8 << 20;

    // A store is only made unasked if the disk keeps at least as much again.
    private const int AmpleRoomFactor = 2;

    private int _done;
    private int _panelCount;

    /// <summary>The store that was attached; null if there is none.</summary>
    public string? StorePath { get; private set; }

    /// <summary>Attaches a store to all layers that can use one. Does nothing if stores are off, or if the disk has no room for an automatic one.</summary>
    /// <exception cref="IOException">A store that was asked for by path cannot be written.</exception>
    public void Attach(IReadOnlyList<IPanelLayer> layers)
    {
        List<IPanelLayer> storable = [.. layers.Where(layer => layer.Identity is not null)];
        if (!options.IsEnabled || storable.Count == 0)
        {
            return;
        }

        UInt128 identity = Identity(storable);
        string path = options.Path ?? Path.Combine(PanelStoreOptions.CacheFolder, $"{identity:x32}{PanelStore.Extension}");
        List<(UInt128 Layer, long Length)> panels = [];
        foreach (IPanelLayer layer in storable)
        {
            UInt128 hash = PanelStore.Hash(layer.Identity!);
            for (int i = 0; i < layer.PanelCount; i++)
            {
                panels.Add((hash, StoredBytes(layer.PackedBytes(i))));
            }
        }

        PanelStore? store = PanelStore.TryOpen(path, identity, options.ElementType, panels, out string reason);
        if (store is null)
        {
            if (!HasRoom(path, PanelStore.SizeOf(panels, modelPath)) || (!planOnly && !TryMake(path, identity, storable, panels, reason)))
            {
                return;
            }

            store = planOnly ? PanelStore.Imagine(path, options.ElementType, panels, modelPath) :
                PanelStore.TryOpen(path, identity, options.ElementType, panels, out reason) ??
                throw new WeightsException($"{path}: the panel store that was just written cannot be used: {reason}.");
        }

        StorePath = path;
        int first = 0;
        foreach (IPanelLayer layer in storable)
        {
            layer.UseStore(new StoredPanels(store, first, layer.PanelCount));
            first += layer.PanelCount;
        }
    }

    private long StoredBytes(long packedBytes) => options.ElementType == ElementType.Float16 ? packedBytes / 2 : packedBytes;

    // An automatic store must leave the disk as much again; the folder is only made when the store is.
    private bool HasRoom(string path, long size)
    {
        if (options.Path is not null)
        {
            return true;
        }

        string folder = Path.GetDirectoryName(path)!;
        string existing = folder;
        while (!Directory.Exists(existing) && Path.GetDirectoryName(existing) is { } parent)
        {
            existing = parent;
        }

        long room = new DriveInfo(existing).AvailableFreeSpace;
        if (room >= AmpleRoomFactor * size)
        {
            return true;
        }

        Log.NoRoom(logger, size, folder, room);
        return false;
    }

    private bool TryMake(string path, UInt128 identity, List<IPanelLayer> layers, List<(UInt128 Layer, long Length)> panels, string reason)
    {
        try
        {
            options.CancellationToken.ThrowIfCancellationRequested();
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            Log.Making(logger, path, PanelStore.SizeOf(panels, modelPath), File.Exists(path) ? reason : "there is none yet");
            using PanelStore.Writer writer = new(path, identity, options.ElementType, panels, modelPath);
            _done = 0;
            _panelCount = panels.Count;
            options.Progress?.Report(new PackingProgress(path, 0, _panelCount));
            int first = 0;
            foreach (IPanelLayer layer in layers)
            {
                Pack(layer, writer, first);
                first += layer.PanelCount;
            }

            options.CancellationToken.ThrowIfCancellationRequested();
            writer.Complete();
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException && options.Path is null)
        {
            // Nobody asked for the file: without it the model runs all the same.
            Log.Failed(logger, path, exception.Message);
            return false;
        }
    }

    private void Pack(IPanelLayer layer, PanelStore.Writer writer, int first)
    {
        float[] bias = layer.Bias is { } constant ? ReadBias(constant) : [];
        using WeightStream weights = provider.OpenStream(layer.UnpackedWeights, layer.PartlyRead is { } range ? [new PartlyReadWeight(range, 0)] : [], Math.Min(provider.WindowBytes, PackingWindowBytes));
        WeightReader? reader = layer.PartlyRead is null ? null : (offset, destination) => weights.ReadPart(0, offset, destination);
        bool isWhole = layer.UnpackedWeights.Count == 1 && layer.PanelCount > 1;
        weights.BeginRun();
        byte* whole = isWhole ? weights.Acquire(0) : null;
        try
        {
            using PackingBody body = new(this, layer, writer, first, bias, isWhole || reader is not null ? null : weights, whole, reader);
            workers.Parallelize(body, layer.PanelCount);
        }
        finally
        {
            if (isWhole)
            {
                weights.Release(0);
            }

            weights.EndRun();
        }
    }

    private static float[] ReadBias(Constant constant)
    {
        float[] bias = new float[constant.Type.Shape.ElementCount];
        byte[] stored = constant.Data ?? new byte[constant.Location!.Value.Length];
        if (constant.Location is { } location)
        {
            WeightFile.Read(location, stored);
        }

        fixed (byte* bytes = stored)
        {
            ConvertWeight.ToFloat32(constant, bytes, bias);
        }

        return bias;
    }

    // The weight files as they are now, and XNNPACK's build.
    private UInt128 Identity(List<IPanelLayer> layers)
    {
        StringBuilder text = new();
        foreach (string file in layers.SelectMany(layer => layer.UnpackedWeights).Concat(layers.Select(layer => layer.PartlyRead).OfType<WeightRange>()).Concat(layers.Select(layer => layer.Bias?.Location).OfType<WeightRange>()).Select(range => range.Path).Distinct())
        {
            FileInfo info = File.ResolveLinkTarget(file, returnFinalTarget: true) as FileInfo ?? new FileInfo(file);
            text.Append(file).Append('|').Append(info.Exists ? info.Length : -1).Append('|').Append(info.Exists ? info.LastWriteTimeUtc.Ticks : 0).Append('\n');
        }

        // Where several graphs share weight files, each has a store of its own.
        foreach (IPanelLayer layer in layers)
        {
            text.Append(layer.Identity).Append('\n');
        }

        text.Append(options.ElementType);
        nuint length = Bindings.Xnnpack.xnn_experimental_get_build_identifier_size();
        ReadOnlySpan<byte> build = new(Bindings.Xnnpack.xnn_experimental_get_build_identifier_data(), (int)length);
        return XxHash128.HashToUInt128([.. Encoding.UTF8.GetBytes(text.ToString()), .. build]);
    }

    private int Workers => workers.WorkerCount;

    private ElementType ElementType => options.ElementType;

    private CancellationToken CancellationToken => options.CancellationToken;

    private void Packed(string path) => options.Progress?.Report(new PackingProgress(path, Interlocked.Increment(ref _done), _panelCount));

    private sealed class PackingBody : IParallelBody, IDisposable
    {
        private readonly PanelPacker _packer;
        private readonly IPanelLayer _layer;
        private readonly PanelStore.Writer _writer;
        private readonly int _first;
        private readonly float[] _bias;
        private readonly WeightStream? _weights;
        private readonly byte* _whole;
        private readonly WeightReader? _reader;
        private readonly Stack<NativeBuffer> _free = [];

        public PackingBody(PanelPacker packer, IPanelLayer layer, PanelStore.Writer writer, int first, float[] bias, WeightStream? weights, byte* whole, WeightReader? reader)
        {
            _packer = packer;
            _layer = layer;
            _writer = writer;
            _first = first;
            _bias = bias;
            _weights = weights;
            _whole = whole;
            _reader = reader;
            try
            {
                for (int i = 0; i < Math.Min(packer.Workers, layer.PanelCount); i++)
                {
                    _free.Push(new NativeBuffer(layer.PackScratchBytes + layer.PackedBytes(0) + 64));
                }
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        public void Execute(int index)
        {
            _packer.CancellationToken.ThrowIfCancellationRequested();
            NativeBuffer buffer;
            lock (_free)
            {
                buffer = _free.Pop();
            }

            try
            {
                byte* packed = buffer.Pointer;
                long length = _layer.PackedBytes(index);
                byte* source = _weights is null ? _whole : _weights.Acquire(index);
                try
                {
                    fixed (float* bias = _bias)
                    {
                        _layer.Pack(index, source, bias, packed + (length + 63) / 64 * 64, packed, _reader);
                    }
                }
                finally
                {
                    _weights?.Release(index);
                }

                Span<byte> bytes = new(packed, checked((int)length));
                if (_packer.ElementType == ElementType.Float16)
                {
                    Span<float> wide = MemoryMarshal.Cast<byte, float>(bytes);
                    Span<Half> half = MemoryMarshal.Cast<byte, Half>(bytes)[..wide.Length];
                    for (int i = 0; i < wide.Length; i++)
                    {
                        half[i] = (Half)wide[i];
                    }

                    bytes = MemoryMarshal.AsBytes(half);
                }

                _writer.Write(_first + index, bytes);
                _packer.Packed(_writer.Path);
            }
            finally
            {
                lock (_free)
                {
                    _free.Push(buffer);
                }
            }
        }

        public void Dispose()
        {
            foreach (NativeBuffer buffer in _free)
            {
                buffer.Dispose();
            }
        }
    }

    private static partial class Log
    {
        public static void Making(ILogger? logger, string path, long bytes, string reason)
        {
            if (logger is not null)
            {
                MakingCore(logger, path, bytes, reason);
            }
        }

        public static void NoRoom(ILogger? logger, long bytes, string folder, long room)
        {
            if (logger is not null)
            {
                NoRoomCore(logger, bytes, folder, room);
            }
        }

        public static void Failed(ILogger? logger, string path, string problem)
        {
            if (logger is not null)
            {
                FailedCore(logger, path, problem);
            }
        }

        [LoggerMessage(Level = LogLevel.Information, Message = "Writing the panel store {Path} ({Bytes} bytes): {Reason}")]
        private static partial void MakingCore(ILogger logger, string path, long bytes, string reason);

        [LoggerMessage(Level = LogLevel.Warning, Message = "No panel store is made: {Bytes} bytes are needed twice over in {Folder}, which has {Room} left")]
        private static partial void NoRoomCore(ILogger logger, long bytes, string folder, long room);

        [LoggerMessage(Level = LogLevel.Warning, Message = "The panel store {Path} could not be written: {Problem}")]
        private static partial void FailedCore(ILogger logger, string path, string problem);
    }
}
