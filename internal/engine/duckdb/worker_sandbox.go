package duckdb

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"github.com/landlock-lsm/go-landlock/landlock"
	llsys "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// A Report says what confines the workers on this machine. What is false or
// zero is missing in the kernel or the build; workers run without it.
type Report struct {
	Landlock     int  // version of the kernel's file sandbox; 0 means that only DuckDB's own settings guard files
	Network      bool // Landlock refuses TCP; seccomp refuses all sockets besides
	Seccomp      bool // sockets, new programs, tracing and the like are refused
	AddressSpace bool // memory is bounded by the kernel
}

// Full reports whether everything is in place.
func (r Report) Full() bool { return r.Landlock > 0 && r.Network && r.Seccomp && r.AddressSpace }

// capabilities asks the kernel what confine and sealSyscalls will achieve.
func capabilities() Report {
	abi, err := llsys.LandlockGetABIVersion()
	if err != nil {
		abi = 0
	}
	return Report{
		Landlock:     abi,
		Network:      abi >= 4,
		Seccomp:      seccomp.Supported(),
		AddressSpace: true,
	}
}

// confine gives up everything that b does not name, in all threads, for good.
func confine(b *binding) error {
	if err := limitResources(b); err != nil {
		return err
	}
	// Nobody of our user may trace us or read our memory and environment.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl: %w", err)
	}
	err := landlock.V7.BestEffort().Restrict(
		landlock.RODirs(b.ReadDirs...),
		landlock.ROFiles(b.ReadFiles...),
		landlock.RWDirs(append([]string{b.Spill}, b.WriteDirs...)...),
	)
	if err != nil {
		return fmt.Errorf("landlock: %w", err)
	}
	return nil
}

func limitResources(b *binding) error {
	limits := []struct {
		resource int
		value    uint64
	}{
		{unix.RLIMIT_CORE, 0},
		{unix.RLIMIT_FSIZE, uint64(b.FileSize)},
		{unix.RLIMIT_NOFILE, 1024},
		{unix.RLIMIT_CPU, uint64(b.CPU)},
	}
	for _, l := range limits {
		if err := setLimit(l.resource, l.value); err != nil {
			return err
		}
	}
	// Go, and the race detector much more so, reserve space that nobody uses:
	// only what comes on top says something about memory.
	used, err := addressSpaceInUse()
	if err != nil {
		return err
	}
	return setLimit(unix.RLIMIT_AS, uint64(used+b.Memory))
}

// setLimit lowers soft and hard limit. A lower limit of the server's stays.
func setLimit(resource int, value uint64) error {
	var now unix.Rlimit
	if err := unix.Getrlimit(resource, &now); err != nil {
		return fmt.Errorf("getrlimit %d: %w", resource, err)
	}
	value = min(value, now.Max)
	if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: value, Max: value}); err != nil {
		return fmt.Errorf("setrlimit %d to %d: %w", resource, value, err)
	}
	return nil
}

// refusedSyscalls are what neither Go nor DuckDB needs to compute.
var refusedSyscalls = []string{
	"accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recvfrom", "recvmmsg", "recvmsg",
	"sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown", "socket", "socketpair",
	"execve", "execveat", "fork", "vfork",
	"kill", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_open", "pidfd_getfd", "pidfd_send_signal",
	"ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "perf_event_open", "bpf", "userfaultfd",
	"io_uring_setup", "io_uring_enter", "io_uring_register",
	"mount", "umount2", "move_mount", "open_tree", "fsopen", "fsmount", "pivot_root", "chroot", "setns", "unshare",
	"open_by_handle_at", "name_to_handle_at", "memfd_create",
	"add_key", "keyctl", "request_key",
	"init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot", "swapon", "swapoff",
	"setrlimit", "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "setfsuid", "setfsgid", "capset",
	"settimeofday", "clock_settime", "adjtimex", "sethostname", "setdomainname", "acct", "quotactl", "syslog",
	"chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown", "fchownat", "setxattr", "lsetxattr", "fsetxattr", "link", "linkat", "symlink", "symlinkat", "mknod", "mknodat",
}

// sealSyscalls refuses what Landlock does not cover, in all threads. Without
// seccomp in the kernel it does nothing.
func sealSyscalls() error {
	if !seccomp.Supported() {
		return nil
	}
	machine, err := arch.GetInfo("")
	if err != nil {
		return fmt.Errorf("seccomp: %w", err)
	}
	var names []string
	for _, name := range refusedSyscalls {
		if _, ok := machine.SyscallNames[name]; ok {
			names = append(names, name)
		}
	}
	self := uint64(os.Getpid())
	err = seccomp.LoadFilter(seccomp.Filter{
		NoNewPrivs: true,
		Flag:       seccomp.FilterFlagTSync,
		Policy: seccomp.Policy{
			DefaultAction: seccomp.ActionAllow,
			Syscalls: []seccomp.SyscallGroup{{
				Action: seccomp.ActionErrno,
				Names:  names,
				NamesWithCondtions: []seccomp.NameWithConditions{
					// Go's scheduler signals its own threads.
					{Name: "tgkill", Conditions: seccomp.ArgumentConditions{{Argument: 0, Operation: seccomp.NotEqual, Value: self}}},
					// Root may raise its limits again, and those of others.
					{Name: "prlimit64", Conditions: seccomp.ArgumentConditions{{Argument: 2, Operation: seccomp.NotEqual, Value: 0}}},
				},
			}},
		},
	})
	if err != nil {
		return fmt.Errorf("seccomp: %w", err)
	}
	return nil
}

// memoryOfDuckDB is what DuckDB may plan with: less than the kernel's limit,
// so that it spills to disk before an allocation fails.
func memoryOfDuckDB(memory int64) string {
	return strconv.FormatInt(memory/8*5>>20, 10) + "MiB"
}

var errNoStatus = errors.New("no VmSize in /proc/self/status")

// addressSpaceInUse returns the bytes of address space this process has mapped.
func addressSpaceInUse() (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmSize:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10, err
		}
	}
	return 0, errNoStatus
}
