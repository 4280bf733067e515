import settings from './setting-words.js';

// English is the key; a language without a word shows the English one.
const chinese = {
	'Dashboard': '概览', 'Accounts': '账号', 'Keys': '密钥', 'Models': '模型', 'Usage': '用量', 'Settings': '设置',
	'Sign in': '登录', 'Sign out': '退出', 'Password': '密码', 'Dark': '深色', 'Light': '浅色', 'Filter': '筛选',
	'Password of the admin panel': '管理面板密码', 'No password is set': '尚未设置密码',
	'The owner of this installation sets one on the server:': '请在服务器上设置密码：', 'Then load this page again.': '然后重新加载此页面。',
	'Load again': '重新加载', 'The session has ended: sign in again.': '会话已结束，请重新登录。', 'Skip to content': '跳到内容', 'Sections': '栏目',
	'This connection is not encrypted: the password and all you see here can be read on the way. Serve the panel over HTTPS.': '此连接未加密：密码和页面内容可能被窃听。请通过 HTTPS 访问面板。',
	'Can serve now': '当前可用', 'Need attention': '需要处理', 'Token refresher': '令牌刷新', 'never ran': '从未运行', 'cron starts it': '由 cron 启动', 'runs well': '运行正常', 'failed': '失败',
	'Allowance': '额度', 'Accounts by state': '账号状态', 'Used': '已用', 'Limit': '上限', 'Remaining': '剩余', 'Resets': '重置', 'Plan': '套餐',
	'unknown': '未知', 'Nothing is known yet. kiro-refresh asks for it, or test an account.': '尚无数据。kiro-refresh 会定期查询，也可手动测试账号。',
	'No accounts yet': '还没有账号', 'Log in with a Kiro account, or take over what another program has.': '登录 Kiro 账号，或导入其他程序的凭据。',
	'Add account': '添加账号', 'Import': '导入', 'Account': '账号', 'Kind': '类型', 'State': '状态', 'Last used': '最近使用', 'Priority': '优先级',
	'Actions': '操作', 'Test': '测试', 'Refresh token': '刷新令牌', 'Reset': '重置', 'Enable': '启用', 'Disable': '停用', 'Edit': '编辑', 'Delete': '删除',
	'active': '正常', 'exhausted': '额度用尽', 'suspended': '已封停', 'refused': '被拒绝', 'invalid': '需重新登录', 'disabled': '已停用', 'resting': '冷却中',
	'Cancel': '取消', 'Close': '关闭', 'Save': '保存', 'Label': '名称', 'Most requests at once': '最大并发', 'Region': '区域', 'Proxy': '代理',
	'0: no limit': '0：不限', '0: the configured one': '0：使用全局配置', 'Lower is used first': '数值小者优先', 'empty: the configured one': '留空：使用全局配置',
	'Nothing matches the filter.': '没有匹配的内容。', 'Delete account': '删除账号', 'Its tokens cannot be had back.': '其令牌将无法恢复。',
	'How do you want to add it?': '选择添加方式', 'AWS Builder ID': 'AWS Builder ID', 'personal, with a code': '个人账号，设备码', 'company, with a code': '企业账号，设备码',
	'with a code': '设备码', 'Kiro sign-in page': 'Kiro 登录页', 'you choose there': '在页面上选择', 'External provider': '外部身份提供商', 'company sign-in, e.g. Entra ID': '企业登录，如 Entra ID',
	'API key': 'API 密钥', 'Refresh token or JSON': '刷新令牌或 JSON', 'paste a key': '粘贴密钥', 'paste what you have': '粘贴已有凭据',
	'Start URL': '起始 URL', 'Issuer URL': 'Issuer URL', 'Client id': 'Client ID', 'Continue': '继续', 'Add': '添加',
	'Open the sign-in page': '打开登录页面', 'and check that it shows this code:': '并确认页面显示此代码：', 'Waiting for you to finish there': '等待您在页面上完成', 'Ends': '失效于',
	'The page ends at an address that cannot be loaded. Copy that address here.': '登录后浏览器会停在一个打不开的地址，请把该地址复制到这里。', 'Address': '地址',
	'The login was refused.': '登录被拒绝。', 'The time is over: begin again.': '已超时，请重新开始。', 'Account added': '账号已添加', 'Account updated': '账号已更新',
	'Paste the file here, or choose it': '粘贴文件内容，或选择文件', 'File': '文件', 'Show what would be done': '预览', 'Nothing is stored before you have seen what would be done.': '确认预览之前不会保存任何内容。',
	'What': '操作', 'Why': '原因', 'Entry': '条目', 'Store': '保存', 'add': '新增', 'update': '更新', 'keep': '保留', 'refuse': '拒绝', 'Back': '返回', 'Done': '完成',
	'Client keys': '客户端密钥', 'New key': '新建密钥', 'Name': '名称', 'Key': '密钥', 'Added': '添加时间', 'Remove': '移除', 'Copy': '复制', 'Copied': '已复制',
	'No keys yet': '还没有密钥', 'A client needs a key to use this gateway.': '客户端需要密钥才能使用本网关。', 'For whom or what it is': '供谁或什么使用',
	'This key is shown this once. Copy it now.': '密钥仅显示这一次，请立即复制。', 'Remove key': '移除密钥', 'Clients that use it are refused from now on.': '使用该密钥的客户端将立即被拒绝。',
	'Aliases': '别名', 'New alias': '新建别名', 'Clients call it': '客户端使用的名称', 'They get': '实际模型', 'Target': '目标模型', 'Test a name': '测试名称', 'Model name': '模型名称',
	'No aliases': '没有别名', 'An alias lets clients call a model by another name; “default” catches every unknown one.': '别名让客户端用别的名称调用模型；“default” 匹配所有未知名称。',
	'Model': '模型', 'Window': '上下文', 'Output': '最大输出', 'Images': '图像', 'yes': '是', 'no': '否', 'tokens': 'tokens',
	'Download CSV': '下载 CSV', 'As of': '更新于', 'Option': '选项', 'Value': '值', 'Origin': '来源', 'file': '文件', 'environment': '环境变量', 'default': '默认',
	'Reload settings': '重新加载配置', 'Settings reloaded': '配置已重新加载', 'Configuration file': '配置文件', 'none': '无', 'Settings are changed in the file or the environment, then reloaded.': '请修改配置文件或环境变量，然后重新加载。',
	'Test all': '测试全部', 'answers': '有响应', 'stored': '已保存', 'of': '/', 'Stop': '停止', 'Share of the allowance used, per account': '各账号额度使用比例', 'remove': '移除', 'Loading': '加载中', 'deleted': '已删除',
	'Last 30 days': '最近 30 天', 'Requests': '请求', 'Errors': '错误', 'Input': '输入 tokens', 'Output tokens': '输出 tokens', 'Credits': '积分', 'Day': '日期', 'Nothing was counted yet.': '暂无统计。',
	'Role': '角色', 'Limits': '限制', 'user': '用户', 'viewer': '只读', 'operator': '运维', 'admin': '管理员', 'requests': '请求', 'credits': '积分', 'Limit of requests': '请求上限', 'Limit of tokens': 'Token 上限', 'empty: none': '留空：不限',
	'user: the models; viewer and operator: this panel\'s API; admin: all': '用户：使用模型；只读、运维：管理 API；管理员：全部',
	'Events': '事件', 'Running now': '正在运行', 'Requests today': '今日请求', 'Tokens today': '今日 tokens', 'waiting': '排队中', 'Since this page was opened': '自打开此页面起',
	'Until the first word': '首字延迟', 'Until the end of an answer': '完整回答耗时', 'Answers': '回答', 'Requests per minute': '每分钟请求', 'Drawn as it happens; the first column comes in a moment.': '实时绘制，第一个数据点稍后出现。',
	'More settings': '更多设置', 'ends': '失效于', 'running': '运行中', 'Tokens': 'Tokens', 'Level': '级别', 'All levels': '所有级别', 'info and worse': '信息及以上', 'warnings and errors': '警告和错误', 'errors': '错误', 'All accounts': '所有账号', 'All keys': '所有密钥',
	'Request': '请求 ID', 'Text': '文本', 'Pause': '暂停', 'Go on': '继续', 'paused': '已暂停', 'live': '实时', 'interrupted': '已中断', 'Clear filters': '清除筛选', 'new': '条新事件', 'Only this': '只看',
	'Some is left out here: there was too much, or the file is another one.': '此处有省略：内容过多，或日志文件已更换。', 'The log is not in a file': '日志未写入文件',
	'The old one is good until {}.': '旧密钥有效至 {}。', 'The old one is refused from now on.': '旧密钥立即失效。', 'Limit of credits': '积分上限', 'Good until the end of': '有效期至', 'empty: for ever': '留空：永久', 'empty: all': '留空：全部',
	'Accounts that serve it': '可用账号', 'its own and the shared ones': '自有账号和公共账号', 'its own only': '仅自有账号', 'none: requests bring their own': '无：请求自带凭据', 'Only these accounts': '仅限这些账号',
	'New secret for “{}”': '为“{}”生成新密钥', 'New secret': '更换密钥', 'Make a new secret': '生成新密钥', 'The old one is good for': '旧密钥继续有效', 'not at all': '立即失效', 'an hour': '一小时', 'a day': '一天', 'a week': '一周',
	'So long clients may still use it, to be changed one by one.': '在此期间客户端可逐个更换。', 'Revoke key': '吊销密钥', 'Revoke': '吊销', 'Revoke the key “{}”?': '吊销密钥“{}”？', 'Its record and its usage stay.': '其记录和用量会保留。',
	'revoked': '已吊销', 'ended': '已结束', 'replaced': '已更换', 'expired': '已过期', 'reached': '已达上限', 'again': '重置于', 'at once': '并发', 'minute': '分钟', 'day': '天', 'month': '月',
	'Remove alias': '移除别名', 'Clients that ask for it get what the name itself means.': '此后该名称按其本义解析。', 'Last 7 days': '最近 7 天', 'Last 90 days': '最近 90 天', 'Time': '时间', 'All settings': '全部设置', 'Those that were set': '仅已设置',
	'company, with an address': '企业账号，回调地址', 'Scopes': 'Scopes', 'empty: the usual ones': '留空：默认', 'One more step: open the next page.': '还有一步：请打开下一个页面。',
	'Delete “{}” with its tokens?': '删除“{}”及其令牌？', 'Remove the key “{}”?': '移除密钥“{}”？', 'Remove the alias “{}”?': '移除别名“{}”？',
	'Codes': '激活码', 'Code': '激活码', 'Activation codes': '激活码', 'New code': '新建激活码', 'User': '使用者', 'Whose code it is': '此激活码的使用者', 'This code is shown this once. Copy it now.': '激活码仅显示这一次，请立即复制。',
	'Days': '天数', 'from its first use; 0: no end': '自首次使用起算；0：不过期', 'Machine': '设备', 'any': '任意', 'the first that is seen': '首次使用的设备', 'The client sends its id as X-Machine-Id': '客户端通过 X-Machine-Id 发送设备 ID',
	'Account of its own': '专属账号', 'as it is': '保持不变', 'It serves this code and nobody else': '仅供此激活码使用', 'Id of its machine': '设备 ID', 'empty: as said above': '留空：按上面的选择', 'First use': '首次使用',
	'Reset machine': '重置设备', 'Free the code of “{}” from its machine?': '解除“{}”的激活码与设备的绑定？', 'The next machine that uses the code has it; machine {} is refused from then on.': '下一台使用它的设备将被绑定；此后设备 {} 会被拒绝。', 'its own only: without an account of its own it serves nobody': '仅自有账号：没有专属账号时无法服务',
	'Revoke code': '吊销激活码', 'Revoke the activation code of “{}”?': '吊销“{}”的激活码？', 'Who uses it is refused from now on.': '使用者将立即被拒绝。', 'Remove code': '移除激活码', 'Remove the activation code of “{}”?': '移除“{}”的激活码？',
	'Its days, its machine and its limits are forgotten.': '其天数、设备和限制将被删除。', 'Its account {} stays stored, but serves nobody until another code has it.': '其账号 {} 仍会保留，但在分配给其他激活码之前不再提供服务。',
	'serves nobody': '无法服务', 'not used yet': '未使用', 'It has no account of its own.': '没有专属账号。', 'No activation codes yet': '还没有激活码',
	'A code is a key for one user of many: so many days from its first use, on one machine if you like.': '激活码是供单个用户使用的密钥：自首次使用起计天数，可限定一台设备。',
	'only for “{}”': '仅供“{}”使用', 'Share': '共享', 'shared': '已共享', 'Share account': '共享账号', 'Let “{}” serve all keys that use shared accounts?': '允许所有使用公共账号的密钥使用“{}”？', 'serves nobody: its key was removed': '无法服务：其密钥已移除', 'Codes without an account of their own may use the shared ones': '没有专属账号的激活码可使用公共账号',
	'too many wrong passwords: try again in {} seconds': '密码错误次数过多：请在 {} 秒后重试', 'this is not the password': '密码错误', 'The server cannot be reached.': '无法连接服务器。',
};

let current = localStorage.getItem('language') ?? (navigator.language.startsWith('zh') ? 'zh' : 'en');

export const language = () => current === 'zh' ? 'zh-CN' : 'en';
export const t = (text, value) => ((current === 'zh' && (chinese[text] ?? settings[text])) || text).replace('{}', value ?? '');

export function setLanguage(name) {
	current = name;
	localStorage.setItem('language', name);
	document.documentElement.lang = language();
}
document.documentElement.lang = language();
