using Microsoft.Extensions.Logging;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Panels;

/// <summary>Writes the panels that a plan needs and its store lacks.</summary>
/// <param name="options">Which store, and who is told.</param>
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

    /// <summary>The memory that writing needs at least, in bytes; 0 where nothing is missing.</summary>
    public static long SmallestBytes(PanelSources panels) => panels.Missing.Select(layer => WorkerBytes(layer) + WholeBytes(layer)).DefaultIfEmpty().Max();

    /// <summary>Whether a store that nobody asked for by its path may be made: the disk must keep as much again.</summary>
    /// <param name="bytes">About how large it will be.</param>
    public bool HasRoom(long bytes)
    {
        if (options.Path is not null)
        {
            return true;
        }

        string existing = PanelStoreOptions.CacheFolder;
        while (!Directory.Exists(existing) && Path.GetDirectoryName(existing) is { } parent)
        {
            existing = parent;
        }

        long room;
        try
        {
            room = new DriveInfo(existing).AvailableFreeSpace;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            Log.Failed(logger, PanelStoreOptions.CacheFolder, exception.Message);
            return false;
        }

        if (room >= AmpleRoomFactor * bytes)
        {
            return true;
        }

        Log.NoRoom(logger, bytes, PanelStoreOptions.CacheFolder, room);
        return false;
    }

    /// <summary>Writes what is missing.</summary>
    /// <param name="panels">The sources of a plan's layers.</param>
    /// <param name="room">The bytes that packing may hold; at least <see cref="SmallestBytes"/>.</param>
    /// <exception cref="IOException">A store that was asked for by path cannot be written.</exception>
    public PackingOutcome Write(PanelSources panels, long room)
    {
        if (panels is not { Pending: { } pending, Store: { } store })
        {
            return PackingOutcome.Complete;
        }

        try
        {
            if (store.IsTaken(pending))
            {
                return PackingOutcome.WrittenByOthers;
            }

            options.CancellationToken.ThrowIfCancellationRequested();
            Directory.CreateDirectory(Path.GetDirectoryName(pending.Path)!);
            Log.Making(logger, pending.Path, pending.SizeFor(modelPath), store.ReasonFor(pending));
            IReadOnlyList<IPanelLayer> layers = panels.Missing;
            int blocks = GatheredBlocks(pending, layers, room);
            using (StoreWriter writer = store.Write(pending, modelPath, blocks))
            {
                _done = 0;
                _panelCount = pending.PanelCount;
                options.Progress?.Report(new PackingProgress(pending.Path, 0, _panelCount));
                int first = 0;
                foreach (IPanelLayer layer in layers)
                {
                    Pack(layer, writer, first, room - (long)blocks * BlockWriter.BlockBytes);
                    first += layer.PanelCount;
                }

                options.CancellationToken.ThrowIfCancellationRequested();
                if (!writer.TryComplete())
                {
                    return PackingOutcome.WrittenByOthers;
                }
            }

            store.Keep(pending);
            panels.SetComplete();
            return PackingOutcome.Complete;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException && options.Path is null)
        {
            // Nobody asked for the file: without it the model runs all the same.
            Log.Failed(logger, pending.Path, exception.Message);
            return PackingOutcome.Refused;
        }
    }

    // What one thread holds: packed panels, what packing needs, and the weights that it reads.
    private static long WorkerBytes(IPanelLayer layer) =>
        CountedMemory.Align(layer.PanelsAtOnce * layer.PackedBytes(0)) + layer.PackScratchBytes + (IsWhole(layer) ? 0 : layer.UnpackedWeights.Select(range => range.Length).DefaultIfEmpty().Max());

    // What all threads read together.
    private static long WholeBytes(IPanelLayer layer) => IsWhole(layer) ? layer.UnpackedWeights[0].Length : 0;

    private static bool IsWhole(IPanelLayer layer) => layer.UnpackedWeights.Count == 1 && Packings(layer) > 1;

    private static int Packings(IPanelLayer layer) => layer.PanelCount / layer.PanelsAtOnce;

    // Blocks are only gathered where nothing else has to do with less memory for it. A panel lies in two of them, mostly, and threads are at panels side by side.
    private int GatheredBlocks(PanelStorePart part, IReadOnlyList<IPanelLayer> layers, long room)
    {
        int blocks = workers.WorkerCount + 2;
        return part.PanelBytes >= MappedBlocks.WorthMapping &&
            layers.Max(layer => WholeBytes(layer) + Math.Min(workers.WorkerCount, Packings(layer)) * WorkerBytes(layer)) <= room - (long)blocks * BlockWriter.BlockBytes ? blocks : 0;
    }

    private void Pack(IPanelLayer layer, StoreWriter writer, int first, long room)
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
            WeightElements.ToFloat32(constant, 0, bytes, bias);
        }

        return bias;
    }

    private CancellationToken CancellationToken => options.CancellationToken;

    private void Packed(string path) => options.Progress?.Report(new PackingProgress(path, Interlocked.Increment(ref _done), _panelCount));

    private sealed class PackingBody : IParallelBody, IDisposable
    {
        private readonly PanelPacker _packer;
        private readonly IPanelLayer _layer;
        private readonly StoreWriter _writer;
        private readonly int _first;
        private readonly float[] _bias;
        private readonly WeightStream? _weights;
        private readonly byte* _whole;
        private readonly WeightReader? _reader;
        private readonly Stack<NativeBuffer> _free = [];

        public PackingBody(PanelPacker packer, IPanelLayer layer, StoreWriter writer, int first, float[] bias, WeightStream? weights, byte* whole, WeightReader? reader, int slots)
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
            _writer.Write(panel, _layer.Format.Encode(bytes));
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
