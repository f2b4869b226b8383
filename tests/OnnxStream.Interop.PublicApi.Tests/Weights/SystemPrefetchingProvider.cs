using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.PublicApi.Tests.Weights;

/// <summary>A provider as a user would write it: a thread of its own lets Linux read local files into its cache, so that nothing ahead of use is memory of the process.</summary>
internal sealed class SystemPrefetchingProvider(long windowBytes = WeightsProvider.DefaultWindowBytes) : ScheduledWeightsProvider(windowBytes)
{
    public override bool HoldsWindow => false;

    public override bool ReadsParts => true;

    public override ScheduledReader OpenReader(IReadOnlyList<WeightRange> schedule, IReadOnlyList<PartlyReadWeight> parts, long windowBytes) => new Reader(schedule, windowBytes);

    private sealed class Reader : ScheduledReader
    {
        private readonly IReadOnlyList<WeightRange> _schedule;
        private readonly SafeFileHandle[] _files;
        private readonly SafeFileHandle[] _fileOf;
        private readonly long[] _ends;
        private readonly Thread _thread;
        private readonly object _lock = new();
        private readonly long _windowBytes;
        private long _used;
        private long _wanted;
        private int _next;
        private bool _isDisposed;

        public Reader(IReadOnlyList<WeightRange> schedule, long windowBytes)
        {
            _schedule = schedule;
            _windowBytes = windowBytes;
            Dictionary<WeightSource, SafeFileHandle> files = schedule.Select(range => range.Source).Distinct().ToDictionary(source => source, source => File.OpenHandle(source.LocalPath!));
            _files = [.. files.Values];
            _fileOf = [.. schedule.Select(range => files[range.Source])];
            _ends = new long[schedule.Count];
            long end = 0;
            for (int i = 0; i < _ends.Length; i++)
            {
                _ends[i] = end += schedule[i].Length;
            }

            _next = schedule.Count;
            _thread = new Thread(ReadAhead) { IsBackground = true };
            _thread.Start();
        }

        public override void BeginRun()
        {
            lock (_lock)
            {
                (_next, _used, _wanted) = (0, 0, 0);
                Monitor.Pulse(_lock);
            }
        }

        public override void Read(int index, long offset, Span<byte> destination)
        {
            lock (_lock)
            {
                _used = Math.Max(_used, _ends[index]);

                // Woken for each range, the thread would take a processor from those that compute.
                if (_used >= _wanted)
                {
                    Monitor.Pulse(_lock);
                }
            }

            offset += _schedule[index].Offset;
            while (destination.Length > 0)
            {
                int count = RandomAccess.Read(_fileOf[index], destination, offset);
                if (count == 0)
                {
                    throw new EndOfStreamException();
                }

                destination = destination[count..];
                offset += count;
            }
        }

        protected override void Dispose(bool disposing)
        {
            lock (_lock)
            {
                _isDisposed = true;
                Monitor.Pulse(_lock);
            }

            _thread.Join();
            Array.ForEach(_files, file => file.Dispose());
            base.Dispose(disposing);
        }

        private void ReadAhead()
        {
            while (true)
            {
                int index;
                lock (_lock)
                {
                    while (!_isDisposed && (_next == _schedule.Count || _ends[_next] > _used + _windowBytes))
                    {
                        _wanted = _used + _windowBytes / 2;
                        Monitor.Wait(_lock);
                    }

                    if (_isDisposed)
                    {
                        return;
                    }

                    index = _next++;
                }

                if (OperatingSystem.IsLinux())
                {
                    const int WillNeed = 3;
                    _ = posix_fadvise((int)_fileOf[index].DangerousGetHandle(), _schedule[index].Offset, _schedule[index].Length, WillNeed);
                }
            }
        }

        [DllImport("libc", ExactSpelling = true)]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        private static extern int posix_fadvise(int file, long offset, long length, int advice);
    }
}
