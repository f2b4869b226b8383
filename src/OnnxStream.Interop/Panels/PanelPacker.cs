using System.IO.Hashing;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Extensions.Logging;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Panels;

/// <summary>Lets the layers of a plan use a panel store. One that is missing is only thought of while the plan is made; it is written when the plan is known to fit.</summary>
/// <param name="options">Which store, if any.</param>
/// <param name="modelPath">The model, for those who look at the store.</param>
/// <param name="workers">The threads that pack.</param>
/// <param name="provider">Where unpacked weights come from.</param>
/// <param name="logger">Receives what is done and why; null for nothing.</param>
internal sealed unsafe partial class PanelPacker(PanelStoreOptions options, string modelPath, WorkerPool workers, WeightsProvider provider, ILogger? logger)
{
    private const long PackingWindowBytes = 8 << 20;

    // A store is only made unasked if the disk keeps at least as much again.
    private const int AmpleRoomFactor = 2;

    private int _done;
    private int _panelCount;
    private MissingStore? _missing;

    /// <summary>The store that was attached; null if there is none.</summary>
    public string? StorePath { get; private set; }

    /// <summary>Whether there is a store.</summary>
    public bool IsThere => StorePath is not null && _missing is null;

    /// <summary>The memory that making the store needs at least; 0 where it is there, or none is used.</summary>
    public long SmallestPackingBytes => _missing is null ? 0 : _missing.Layers.Max(layer => WorkerBytes(layer) + WholeBytes(layer));

    /// <summary>Attaches a store to all layers that can use one.</summary>
    /// <returns>False if there is none: stores are off, no layer can use one, or the disk has no room for an automatic one.</returns>
    public bool TryAttach(IReadOnlyList<IPanelLayer> layers)
    {
        List<IPanelLayer> storable = [.. layers.Where(layer => layer.Identity is not null)];
        if (!options.IsEnabled || storable.Count == 0)
        {
            return false;
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
            if (!HasRoom(path, PanelStore.SizeOf(panels, modelPath)))
            {
                return false;
            }

            store = PanelStore.Imagine(path, options.ElementType, panels, modelPath);
            _missing = new MissingStore(path, identity, storable, panels, reason);
        }

        StorePath = path;
        Use(storable, store);
        return true;
    }

    /// <summary>Writes the store if it is missing.</summary>
    /// <param name="room">The bytes that packing may hold; at least <see cref="SmallestPackingBytes"/>.</param>
    /// <returns>Whether the layers can use their store; otherwise it was an automatic one, and they must be planned without.</returns>
    /// <exception cref="IOException">A store that was asked for by path cannot be written.</exception>
    public bool TryMake(long room)
    {
        if (_missing is not { } missing)
        {
            return true;
        }

        if (!TryWrite(missing, room))
        {
            StorePath = null;
            _missing = null;
            return false;
        }

        _missing = null;
        Use(missing.Layers, PanelStore.TryOpen(missing.Path, missing.Identity, options.ElementType, missing.Panels, out string reason) ??
            throw new WeightsException($"{missing.Path}: the panel store that was just written cannot be used: {reason}."));
        return true;
    }

    private static void Use(List<IPanelLayer> layers, PanelStore store)
    {
        int first = 0;
        foreach (IPanelLayer layer in layers)
        {
            layer.UseStore(new StoredPanels(store, first, layer.PanelCount));
            first += layer.PanelCount;
        }
    }

    // What one thread holds: packed panels, what packing needs, and the weights that it reads.
    private static long WorkerBytes(IPanelLayer layer) =>
        CountedMemory.Align(layer.PanelsAtOnce * layer.PackedBytes(0)) + layer.PackScratchBytes + (IsWhole(layer) ? 0 : layer.UnpackedWeights.Select(range => range.Length).DefaultIfEmpty().Max());

    // What all threads read together.
    private static long WholeBytes(IPanelLayer layer) => IsWhole(layer) ? layer.UnpackedWeights[0].Length : 0;

    private static bool IsWhole(IPanelLayer layer) => layer.UnpackedWeights.Count == 1 && Packings(layer) > 1;

    private static int Packings(IPanelLayer layer) => layer.PanelCount / layer.PanelsAtOnce;

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

    private bool TryWrite(MissingStore store, long room)
    {
        try
        {
            options.CancellationToken.ThrowIfCancellationRequested();
            Directory.CreateDirectory(Path.GetDirectoryName(store.Path)!);
            Log.Making(logger, store.Path, PanelStore.SizeOf(store.Panels, modelPath), File.Exists(store.Path) ? store.Reason : "there is none yet");
            int blocks = GatheredBlocks(store, room);
            using PanelStore.Writer writer = new(store.Path, store.Identity, options.ElementType, store.Panels, modelPath, blocks);
            _done = 0;
            _panelCount = store.Panels.Count;
            options.Progress?.Report(new PackingProgress(store.Path, 0, _panelCount));
            int first = 0;
            foreach (IPanelLayer layer in store.Layers)
            {
                Pack(layer, writer, first, room - (long)blocks * BlockWriter.BlockBytes);
                first += layer.PanelCount;
            }

            options.CancellationToken.ThrowIfCancellationRequested();
            writer.Complete();
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException && options.Path is null)
        {
            // Nobody asked for the file: without it the model runs all the same.
            Log.Failed(logger, store.Path, exception.Message);
            return false;
        }
    }

    // Blocks are only gathered where nothing else has to do with less memory for it. A panel lies in two of them, mostly, and threads are at panels side by side.
    private int GatheredBlocks(MissingStore store, long room)
    {
        int blocks = workers.WorkerCount + 2;
        return store.Panels.Sum(panel => panel.Length) >= MappedBlocks.WorthMapping &&
            store.Layers.Max(layer => WholeBytes(layer) + Math.Min(workers.WorkerCount, Packings(layer)) * WorkerBytes(layer)) <= room - (long)blocks * BlockWriter.BlockBytes ? blocks : 0;
    }

    private void Pack(IPanelLayer layer, PanelStore.Writer writer, int first, long room)
    {
        float[] bias = layer.Bias is { } constant ? ReadBias(constant) : [];

        // One thread packs where the memory is too little for all of them; nothing is held for reading ahead where that is too little still.
        bool isShared = WholeBytes(layer) + Math.Min(workers.WorkerCount, Packings(layer)) * WorkerBytes(layer) <= room;
        long left = room - WholeBytes(layer) - (isShared ? Math.Min(workers.WorkerCount, Packings(layer)) : 1) * WorkerBytes(layer);
        long windowBytes = Math.Min(provider.WindowBytes, PackingWindowBytes);
        using WeightStream weights = provider.OpenStream(
            layer.UnpackedWeights, layer.PartlyRead is { } range ? [new PartlyReadWeight(range, 0)] : [], !provider.Traits.HoldsWindow(layer.UnpackedWeights) || windowBytes <= left ? windowBytes : 0);
        WeightReader? reader = layer.PartlyRead is null ? null : (offset, destination) => weights.ReadPart(0, offset, destination);
        bool isWhole = IsWhole(layer);
        weights.BeginRun();
        byte* whole = isWhole ? weights.Acquire(0) : null;
        try
        {
            using PackingBody body = new(this, layer, writer, first, bias, isWhole || reader is not null ? null : weights, whole, reader, isShared ? workers.WorkerCount : 1);
            if (isShared)
            {
                workers.Parallelize(body, Packings(layer));
            }
            else
            {
                for (int i = 0; i < Packings(layer); i++)
                {
                    body.Execute(i);
                }
            }
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
        byte[] stored = new byte[constant.Location?.Length ?? constant.Data!.Length];
        constant.Read(0, stored);
        fixed (byte* bytes = stored)
        {
            WeightElements.ToFloat32(constant, bytes, bias);
        }

        return bias;
    }

    // The sources of weights as they are now, and XNNPACK's build.
    private UInt128 Identity(List<IPanelLayer> layers)
    {
        StringBuilder text = new();
        foreach (WeightSource source in layers.SelectMany(layer => layer.UnpackedWeights).Concat(layers.Select(layer => layer.PartlyRead).OfType<WeightRange>()).Concat(layers.Select(layer => layer.Bias?.Location).OfType<WeightRange>()).Select(range => range.Source).DistinctBy(source => source.Id))
        {
            text.Append(source.Id).Append('|').Append(source.CheckedLength()).Append('|').Append(source.CheckedVersion()).Append('\n');
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

    private ElementType ElementType => options.ElementType;

    private CancellationToken CancellationToken => options.CancellationToken;

    private void Packed(string path) => options.Progress?.Report(new PackingProgress(path, Interlocked.Increment(ref _done), _panelCount));

    // A store that has not been written yet.
    private sealed record MissingStore(string Path, UInt128 Identity, List<IPanelLayer> Layers, List<(UInt128 Layer, long Length)> Panels, string Reason);

    private sealed class PackingBody : IParallelBody, IDisposable
    {
        // Halves take the place of the numbers that they are made of, which must have been read.
        private const int RoundedAtOnce = 1024;

        private readonly PanelPacker _packer;
        private readonly IPanelLayer _layer;
        private readonly PanelStore.Writer _writer;
        private readonly int _first;
        private readonly float[] _bias;
        private readonly WeightStream? _weights;
        private readonly byte* _whole;
        private readonly WeightReader? _reader;
        private readonly Stack<NativeBuffer> _free = [];

        public PackingBody(PanelPacker packer, IPanelLayer layer, PanelStore.Writer writer, int first, float[] bias, WeightStream? weights, byte* whole, WeightReader? reader, int slots)
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
                for (int i = 0; i < Math.Min(slots, Packings(layer)); i++)
                {
                    _free.Push(new NativeBuffer(layer.PackScratchBytes + layer.PanelsAtOnce * layer.PackedBytes(0) + XnnpackLibrary.ReadPastEnd));
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
                int panel = index * _layer.PanelsAtOnce;
                int length = checked((int)_layer.PackedBytes(panel));
                byte* source = _weights is null ? _whole : _weights.Acquire(index);
                try
                {
                    fixed (float* bias = _bias)
                    {
                        _layer.Pack(panel, source, bias, packed + CountedMemory.Align(_layer.PanelsAtOnce * (long)length), packed, _reader);
                    }
                }
                finally
                {
                    _weights?.Release(index);
                }

                for (int i = 0; i < _layer.PanelsAtOnce; i++)
                {
                    Write(_first + panel + i, new Span<byte>(packed + (long)i * length, length));
                }
            }
            finally
            {
                lock (_free)
                {
                    _free.Push(buffer);
                }
            }
        }

        private void Write(int panel, Span<byte> bytes)
        {
            if (_packer.ElementType == ElementType.Float16)
            {
                Span<float> wide = MemoryMarshal.Cast<byte, float>(bytes);
                Span<Half> half = MemoryMarshal.Cast<byte, Half>(bytes)[..wide.Length];
                Span<Half> rounded = stackalloc Half[RoundedAtOnce];
                for (int i = 0; i < wide.Length; i += RoundedAtOnce)
                {
                    Span<float> part = wide[i..Math.Min(i + RoundedAtOnce, wide.Length)];
                    TensorPrimitives.ConvertToHalf(part, rounded);
                    rounded[..part.Length].CopyTo(half[i..]);
                }

                bytes = MemoryMarshal.AsBytes(half);
            }

            _writer.Write(panel, bytes);
            _packer.Packed(_writer.Path);
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
