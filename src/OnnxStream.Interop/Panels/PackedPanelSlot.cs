using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Panels;

/// <summary>A weights cache of one entry: lets XNNPACK pack a panel into memory of ours instead of its own.</summary>
/// <remarks>
/// XNNPACK asks <c>look_up</c> first; on a miss it reserves space, packs into it and inserts; on a hit it uses the address.
/// The struct must not move while an operator uses it: it is allocated in native memory, one for each worker.
/// </remarks>
internal unsafe struct PackedPanelSlot
{
    private static readonly nuint s_notFound = nuint.MaxValue;

    private xnn_weights_cache_provider _provider;
    private byte* _memory;
    private nuint _capacity;
    private nuint _reserved;
    private bool _filled;
    private uint _seed;

    /// <summary>XNNPACK's number for the layout of the panel that was looked up last: tile, types, operator.</summary>
    public readonly uint Seed => _seed;

    /// <summary>The bytes that XNNPACK asked for last.</summary>
    public readonly nuint ReservedBytes => _reserved;

    /// <summary>Prepares the slot for packing into memory.</summary>
    /// <param name="slot">Where the slot itself lies.</param>
    /// <param name="memory">Memory for packed weights, 64-byte aligned.</param>
    /// <param name="capacity">Its size in bytes; 0 to find out how much is needed: creating an operator then fails for lack of memory.</param>
    public static void Reset(PackedPanelSlot* slot, byte* memory, nuint capacity)
    {
        *slot = new PackedPanelSlot
        {
            _memory = memory,
            _capacity = capacity,
            _provider = new xnn_weights_cache_provider
            {
                context = slot,
                look_up = &LookUp,
                reserve_space = &ReserveSpace,
                look_up_or_insert = &LookUpOrInsert,
                is_finalized = &IsFinalized,
                offset_to_addr = &OffsetToAddress,
                delete_cache = &DeleteCache,
            },
        };
    }

    /// <summary>Lets the next look-up find the memory as it is: nothing is packed.</summary>
    public static void MarkFilled(PackedPanelSlot* slot) => slot->_filled = true;

    /// <summary>Another address for weights that are packed already.</summary>
    public static void PointTo(PackedPanelSlot* slot, byte* packed) => slot->_memory = packed;

    /// <summary>The bytes that packed weights need, after creating an operator with a slot that has no room.</summary>
    /// <param name="slot">The slot.</param>
    /// <param name="status">What the create function returned: with no room to pack into, it fails after it has told how much it wants.</param>
    /// <param name="function">The create function.</param>
    /// <param name="details">What it was called for.</param>
    /// <exception cref="NativeMemoryException">XNNPACK ran out of memory before it came to packing.</exception>
    public static long Required(PackedPanelSlot* slot, xnn_status status, string function, string details)
    {
        if (status == xnn_status.xnn_status_out_of_memory && slot->_reserved > 0)
        {
            return (long)slot->_reserved;
        }

        XnnpackLibrary.Check(status, function, details);
        throw new InvalidOperationException($"{function} did not use the weights cache.");
    }

    /// <summary>What XNNPACK's create functions take.</summary>
    public static xnn_weights_cache_provider* Provider(PackedPanelSlot* slot) => &slot->_provider;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint LookUp(void* context, xnn_weights_cache_look_up_key* key)
    {
        PackedPanelSlot* slot = (PackedPanelSlot*)context;
        slot->_seed = key->seed;
        return slot->_filled ? 0 : s_notFound;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void* ReserveSpace(void* context, nuint size)
    {
        PackedPanelSlot* slot = (PackedPanelSlot*)context;
        slot->_reserved = size;
        return size <= slot->_capacity ? slot->_memory : null;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint LookUpOrInsert(void* context, xnn_weights_cache_look_up_key* key, void* pointer, nuint size)
    {
        ((PackedPanelSlot*)context)->_filled = true;
        return 0;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static bool IsFinalized(void* context) => true;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void* OffsetToAddress(void* context, nuint offset) => ((PackedPanelSlot*)context)->_memory + offset;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static xnn_status DeleteCache(void* context) => xnn_status.xnn_status_success;
}
